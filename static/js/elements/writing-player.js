// @ts-check
// A completion as it is written: the odds of every token side by side in a bar of length 1, and the drawn number that points to
// one of them. While a run goes on it writes by itself, and takes the newest model each time it begins anew. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { css, ink, sequential } from "../colors.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { Playing } from "../playing.js";
import { watchSight } from "../sight.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

const TOKEN_MS = 450;
const NAMED = 0.04; // shares below this have no room for their sign
const LIKELY = 5; // tokens named in the words

class WritingPlayer extends HTMLElement {
  /** @type {(() => void)[]} */
  #leave = [];
  /** @type {any} */
  #frame = null;
  /** @type {any} a newer picture, shown when the writing begins anew */
  #next = null;
  #place = -1;
  #select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #line = make("p", "mono writing-line");
  #bar = make("div", "odds-bar");
  #needle = make("i", "odds-needle");
  #words = make("p", "small writing-words");
  #caption = make("p", "caption");
  #playing = new Playing(() => TOKEN_MS, () => this.#turn());

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#select.addEventListener("change", () => this.#begin(true));
    this.#bar.setAttribute("role", "img");
    const panel = this.getAttribute("panel") ?? "writing";
    this.#leave = [
      watchFrames({ run: Number(this.getAttribute("run")), panel }, (frame) => this.#show(frame), this),
      watchSight(this, (is_seen) => (this.#playing.is_seen = is_seen)),
    ];
    document.addEventListener("theme-change", this.#draw);
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
    document.removeEventListener("theme-change", this.#draw);
    this.#playing.play(false);
  }

  /** @param {any} frame */
  #show(frame) {
    if (!frame.meta?.count) return;
    const is_first = !this.#frame;
    if (!is_first && this.#playing.is_playing && frame.step > this.#frame.step) return void (this.#next = frame);
    [this.#frame, this.#next] = [frame, null];
    if (!is_first) return this.#begin(this.#playing.is_playing);
    this.#select.replaceChildren(...frame.meta.prompts.map((/** @type {string} */ prompt, /** @type {number} */ i) => new Option(prompt, String(i))));
    const label = make("label", "row small", t("Prompt"));
    label.append(this.#select);
    this.replaceChildren(label, this.#playing.bar, this.#line, this.#bar, this.#words, this.#caption);
    this.#begin(this.#isLive() && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  #isLive() {
    return /** @type {HTMLElement | null} */ (this.closest("run-page"))?.dataset.state === "running";
  }

  /** Show another picture or prompt: from its first token while it plays, else from where the writing stood. @param {boolean} is_playing */
  #begin(is_playing) {
    const [at, end] = [this.#playing.at, this.#tokens().length];
    this.#place = -1;
    this.#playing.begin(end, is_playing);
    if (!is_playing) this.#playing.seek(Math.min(at || end, end));
  }

  /** @returns {string[]} */
  #tokens() {
    return this.#frame.meta.tokens[Number(this.#select.value)] ?? [];
  }

  #turn() {
    const place = Math.floor(this.#playing.at);
    if (place === this.#place) return;
    if (place < this.#place && this.#next) {
      [this.#frame, this.#next] = [this.#next, null];
      this.#place = place;
      return this.#begin(this.#playing.is_playing);
    }
    this.#place = place;
    this.#draw();
    if (place >= this.#playing.end && !this.#isLive()) this.#playing.play(false);
  }

  #draw = () => {
    if (!this.#frame) return;
    const { meta, arrays, shapes, step } = this.#frame;
    const [row, tokens] = [Number(this.#select.value), this.#tokens()];
    const place = Math.min(Math.max(this.#place, 0), tokens.length);
    const here = Math.min(place, tokens.length - 1);
    const [, width, count] = shapes.odds;
    const odds = [...arrays.odds.subarray((row * width + here) * count, (row * width + here + 1) * count)];
    const draw = arrays.draws[row * width + here];
    const [is_own, is_end] = [arrays.own[row * width + here] > 0, place === tokens.length];
    this.#line.replaceChildren(meta.prompts[row], make("b", "", tokens.slice(0, place).join("")), make("span", "writing-cursor", is_end ? "" : "▁"));
    const segments = odds.map((share, i) => segment(share, meta.signs[i], is_own && meta.signs[i] === tokens[here]));
    this.#bar.toggleAttribute("data-others", !is_own); // what the model would have said counts for nothing there
    this.#needle.style.insetInlineStart = `${100 * draw}%`;
    this.#needle.hidden = !is_own;
    this.#bar.replaceChildren(...segments, this.#needle);
    const likely = odds.map((share, i) => ({ share, sign: meta.signs[i] })).sort((a, b) => b.share - a.share);
    const named = likely.slice(0, LIKELY).map(({ share, sign }) => `${sign} ${percent(share)}`).join(", ");
    this.#bar.setAttribute("aria-label", is_own ? t("Odds of token {place}: {named}", { place: here + 1, named }) : t("Token {place} is said by the other side", { place: here + 1 }));
    this.#playing.slider.setAttribute("aria-valuetext", t("{place} of {count} tokens written", { place, count: tokens.length }));
    const share = odds[meta.signs.indexOf(tokens[here])];
    const entropy = odds.reduce((sum, one) => sum - (one > 0 ? one * Math.log(one) : 0), 0);
    const facts = { place: here + 1, count: tokens.length, draw: draw.toFixed(3), sign: tokens[here], share: percent(share), entropy: number(entropy, 3) };
    const said = is_own
      ? t("Token {place} of {count}: the drawn number {draw} falls on “{sign}”, which has {share} of the bar; entropy {entropy} nats.", facts)
      : t("Token {place} of {count} is said by the other side: “{sign}”.", facts);
    const parts = meta.parts.map((/** @type {string} */ name, /** @type {number} */ i) => `${name} ${number(meta.rewards[row][i], 3)}`).join(" · ");
    this.#words.textContent = is_end ? `${said} ${t("Earned: {parts}.", { parts })}` : said;
    this.#words.setAttribute("aria-live", this.#playing.is_playing ? "off" : "polite");
    this.#caption.textContent = t("step {step} · the drawn numbers are always the same: what changes is the bar", { step: steps(step) });
  };
}

/** @param {number} share @param {string} sign @param {boolean} is_drawn */
function segment(share, sign, is_drawn) {
  const found = make("span", "odds", share >= NAMED || is_drawn ? sign : "");
  const color = sequential(share);
  Object.assign(found.style, { flexGrow: String(share), backgroundColor: css(color), color: ink(color) });
  found.title = `${sign} ${percent(share)}`;
  found.toggleAttribute("data-drawn", is_drawn);
  return found;
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}\u00a0%`;

customElements.define("writing-player", WritingPlayer);
