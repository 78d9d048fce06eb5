// @ts-check
// One slider over a run's past: curves, maps, policy, hyperparameters and the replay go to the moment it stands at.
// Attributes: run, total, step-unit, config (as the run started). Positions are the steps at which pictures were kept.

import { number, steps } from "../format.js";
import { momentOf, placeOf } from "../moment.js";
import { configAt, logOf } from "../run-log.js";
import { curvesOf } from "../series.js";
import { subscribe } from "../stream.js";
import { t } from "../text.js";
import { keepInAddress, showThen } from "../time-places.js";
import { markTrack, nameLive, nowWords, partsOf } from "../time-parts.js";

const [AGAIN_MS, SOON_MS, ADDRESS_MS] = [2000, 250, 250];

class TimeTravel extends HTMLElement {
  /** @type {import("../moment.js").Moment} */
  #moment = momentOf(0);
  /** @type {ReturnType<typeof partsOf> | null} */
  #parts = null;
  /** @type {Awaited<ReturnType<typeof logOf>>} */
  #log = { marks: [], edits: [] };
  #is_playing = false;
  #next = 0;
  #again = 0;
  #address = 0;
  #is_later = false;
  #is_log_due = true;
  #told = 0; // when the newest log that is shown was asked for
  /** @type {(() => void)[]} */
  #leave = [];

  connectedCallback() {
    const { run } = (this.#moment = momentOf(Number(this.getAttribute("run"))));
    const parts = (this.#parts = partsOf(this));
    parts.slider.addEventListener("input", () => this.#go(Number(parts.slider.value)));
    for (const sign of ["pointerenter", "focusin"]) this.addEventListener(sign, () => this.#moment.approach());
    parts.play.addEventListener("click", () => this.#play(!this.#is_playing));
    parts.live.addEventListener("click", () => [this.#play(false), this.#moment.set(null)]);
    this.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("htmx:after:swap", this.#settings);
    const off = () => document.removeEventListener("htmx:after:swap", this.#settings);
    this.#leave = [subscribe({ runs: [run] }, (_id, delta) => this.#news(delta)), this.#moment.watch(() => this.#show()), off];
    const asked = new URLSearchParams(location.search).get("at");
    if (asked && /^\d{1,15}$/.test(asked)) this.#moment.set(Number(asked));
    this.#read();
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
    this.#is_playing = false;
  }

  /** @param {import("../stream.js").Delta} delta */
  #news(delta) {
    const is_told = delta.events || delta.refetch || delta.frames || delta.run?.state;
    this.#is_log_due ||= Boolean(delta.events || delta.refetch);
    if (is_told && this.#again) this.#is_later = true;
    if (!is_told || this.#again) return;
    this.#read();
    this.#again = setTimeout(() => {
      this.#again = 0;
      if (this.#is_later) this.#read();
      this.#is_later = false;
    }, this.#moment.steps.length < 2 ? SOON_MS : AGAIN_MS);
  }

  /** Read what is due. Two readings may overlap: one without the log takes nothing back, an older log gives way. */
  async #read() {
    const asked = this.#is_log_due ? performance.now() : 0;
    this.#is_log_due = false;
    const [found] = await Promise.all([asked ? logOf(this.#moment.run) : null, this.#moment.load()]).catch(() => [undefined]);
    if (found === undefined || !this.isConnected) return void (this.#is_log_due ||= asked > this.#told);
    const log = found && asked > this.#told ? found : this.#log;
    this.#told = Math.max(asked, this.#told);
    if (log.marks.length !== this.#log.marks.length) curvesOf(this.#moment.run).mark(log.marks);
    this.#log = log;
    if (this.#parts) markTrack(this.#parts.marks, log.marks, this.#moment.steps);
    this.#show();
  }

  /** @param {number} place */
  #go(place) {
    const { steps: kept } = this.#moment;
    if (kept.length) this.#moment.set(kept[Math.min(Math.max(place, 0), kept.length - 1)]);
  }

  /** @param {boolean} is_playing */
  #play(is_playing) {
    const { at, steps: kept } = this.#moment;
    this.#is_playing = is_playing && kept.length > 1;
    if (this.#is_playing && (at === null || at >= kept[kept.length - 1])) this.#go(0);
    this.#next = performance.now() + this.#pause_ms;
    if (this.#is_playing) requestAnimationFrame(this.#turn);
    this.#show();
  }

  get #pause_ms() {
    return 1000 / Number(this.#parts?.speed.value ?? 10);
  }

  #turn = (/** @type {number} */ now) => {
    if (!this.#is_playing || !this.isConnected) return;
    const { at, steps: kept } = this.#moment;
    if (now >= this.#next) {
      this.#next = Math.max(this.#next + this.#pause_ms, now);
      const place = placeOf(kept, at ?? 0) + 1;
      if (place >= kept.length) return this.#play(false);
      this.#go(place);
    }
    requestAnimationFrame(this.#turn);
  };

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== " " || event.target !== this.#parts?.slider) return;
    event.preventDefault();
    this.#play(!this.#is_playing);
  }

  #show() {
    const { at, steps: kept } = this.#moment;
    if (!this.#parts) return;
    const { slider, words, play, speed } = this.#parts;
    const last = Math.max(0, kept.length - 1);
    const place = at === null ? last : placeOf(kept, at);
    slider.disabled = play.disabled = speed.disabled = kept.length < 2;
    slider.max = String(last);
    slider.value = String(place);
    const then = at === null ? null : (kept[place] ?? at);
    const facts = { step: steps(then ?? kept[last] ?? 0), total: steps(Number(this.getAttribute("total"))), unit: this.getAttribute("step-unit") ?? "" };
    const text = kept.length ? t("step {step} of {total} {unit}", facts) : t("nothing kept yet");
    words.textContent = at === null ? nowWords(this) : t("step {step}", { step: number(then) });
    slider.setAttribute("aria-valuetext", text);
    play.textContent = this.#is_playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", this.#is_playing ? t("Pause the past") : t("Play the past"));
    this.toggleAttribute("data-past", at !== null);
    this.#settings();
    clearTimeout(this.#address);
    this.#address = setTimeout(() => keepInAddress(this.#moment.at), ADDRESS_MS);
  }

  #settings = () => {
    const started = JSON.parse(this.getAttribute("config") ?? "{}");
    if (this.#parts) nameLive(this, this.#parts, this.#moment.at);
    showThen(configAt(started, this.#log.edits, this.#moment.at ?? Infinity), this.#moment.at);
  };
}

customElements.define("time-travel", TimeTravel);
