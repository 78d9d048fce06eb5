// @ts-check
// The best, the median and the worst episode of the last evaluation, on one clock. Attributes: run, scene.

import { json } from "../api.js";
import { make } from "../chart-frame.js";
import { number, steps } from "../format.js";
import { momentOf } from "../moment.js";
import { sceneOf, stepMs } from "../player-parts.js";
import { Playing } from "../playing.js";
import { Reel } from "../reel.js";
import { watchSight } from "../sight.js";
import { subscribe } from "../stream.js";
import { t } from "../text.js";

const REST_MS = 400; // evaluations of a quick run come faster than anyone looks
const PLACES = ["best", "median", "worst"];

class EpisodeTrio extends HTMLElement {
  /** @type {(() => void)[]} */
  #leave = [];
  /** @type {any[]} */
  #episodes = [];
  /** @type {Reel[]} */
  #reels = [];
  #shown = "";
  #rest = 0;
  #is_stale = true;
  #head = make("p", "small muted", t("Loading…"));
  #row = make("div", "reels");
  #playing = new Playing(() => stepMs(this.#scene), () => this.#turn());

  get #scene() {
    return this.#reels[0]?.scene ?? sceneOf(this.getAttribute("scene"));
  }

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    this.replaceChildren(this.#head, this.#row, this.#playing.bar);
    this.#playing.bar.hidden = true;
    const leave = subscribe({ runs: [run] }, (_id, delta) => (delta.episodes || delta.refetch) && this.#soon(true));
    this.#leave = [leave, momentOf(run).watch(() => this.#soon(false)), watchSight(this, (is_seen) => this.#sight(is_seen))];
    this.#soon(true);
  }

  disconnectedCallback() {
    clearTimeout(this.#rest);
    for (const leave of this.#leave) leave();
    for (const reel of this.#reels) reel.close();
    this.#playing.play(false);
  }

  /** @param {boolean} is_seen */
  #sight(is_seen) {
    this.#playing.is_seen = is_seen;
    if (is_seen) this.#soon(false);
  }

  /** Look what there is to show, once for many announcements. @param {boolean} is_new whether there are new episodes */
  #soon(is_new) {
    this.#is_stale ||= is_new;
    this.#rest ||= setTimeout(() => {
      this.#rest = 0;
      if (this.#playing.is_seen) this.#look();
    }, this.#shown ? REST_MS : 0);
  }

  async #look() {
    const run = Number(this.getAttribute("run"));
    if (this.#is_stale) this.#episodes = (await json(`/runs/${run}/episodes`).catch(() => ({ items: this.#episodes }))).items;
    this.#is_stale = false;
    const { at } = momentOf(run);
    const then = this.#episodes.findLast((one) => at === null || one.step <= at) ?? this.#episodes[0];
    const kept = this.#episodes.filter((one) => one.evaluation === then?.evaluation);
    const name = kept.map((one) => one.number).join();
    if (!then) this.#head.textContent = t("No evaluation yet.");
    if (!then || name === this.#shown) return;
    this.#shown = name;
    const read = await Promise.all(kept.map((one) => json(`/runs/${run}/episodes/${one.number}`).catch(() => null)));
    if (name === this.#shown && this.isConnected) this.#show(read.filter(Boolean), then);
  }

  /** @param {any[]} episodes @param {any} then one of them */
  #show(episodes, then) {
    const is_same_place = this.#reels.length === episodes.length && this.#playing.is_playing;
    episodes.sort((a, b) => PLACES.indexOf(a.place) - PLACES.indexOf(b.place));
    while (this.#reels.length > episodes.length) this.#drop();
    while (this.#reels.length < episodes.length) this.#add();
    episodes.forEach((one, i) => this.#reels[i].show(one, sceneOf(this.getAttribute("scene")), wordsOf(one, episodes.length)));
    const one = episodes.length === 1 ? ` · ${then.place ? t("all episodes kept went the same way") : t("one was kept")}` : "";
    this.#head.textContent = t("Evaluation {n} at step {step}", { n: then.evaluation, step: steps(then.step) }) + one;
    const is_calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#playing.bar.hidden = false;
    this.#playing.begin(Math.max(...episodes.map((each) => each.states.length)) - 1, is_same_place || !is_calm);
  }

  #add() {
    const reel = new Reel();
    this.#reels.push(reel);
    this.#row.append(reel.figure);
  }

  #drop() {
    const reel = this.#reels.pop();
    reel?.close();
    reel?.figure.remove();
  }

  #turn() {
    for (const reel of this.#reels) reel.seek(this.#playing.at);
  }
}

/** @param {any} episode @param {number} count */
function wordsOf(episode, count) {
  const names = { best: t("Best"), median: t("Median"), worst: t("Worst") };
  const facts = { value: number(episode.return), length: number(episode.length) };
  const name = count > 1 ? names[/** @type {keyof names} */ (episode.place)] : "";
  const words = t("{value} in {length} steps", facts) + (episode.terminated ? "" : `, ${t("cut by the time limit")}`);
  return name ? `${name}: ${words}` : words;
}

customElements.define("episode-trio", EpisodeTrio);
