// @ts-check
// Past pictures of one panel: read around the moment that is shown, many in one answer, and kept within bounds.

import { frame, frames } from "./api.js";

const MOST = 512; // pictures
const MOST_BYTES = 32 << 20;
const FIRST = 16; // pictures of the first answer at a new place, for it to come soon
const BATCH = 56;
const NEAR = 4; // of pictures that are drawn on request, only the neighbours
const TRIES = 4;
const AGAIN_MS = 1000;

/** @typedef {Awaited<ReturnType<typeof frame>>} Picture */

export class Past {
  /** @type {Map<number, Picture>} */
  #kept = new Map();
  /** @type {Set<number>} steps on their way */
  #asked = new Set();
  /** @type {Set<number>} steps whose picture is not stored: it is drawn on request, or gave way to an earlier one */
  #alone = new Set();
  /** @type {number[]} */
  #steps = [];
  #place = 0;
  #busy = 0;
  #failures = 0; // since the last move or answer
  #most = MOST;
  #path;
  #is_drawn;
  #told;

  /** @param {string} path of the picture now @param {() => void} told when pictures came */
  constructor(path, told) {
    this.#path = path;
    this.#is_drawn = path.includes("?");
    this.#told = told;
  }

  /** @param {number} step */
  get(step) {
    return this.#kept.get(step);
  }

  /** Read what lies around a place, the nearest first; where places change quickly, the latest decides. @param {number[]} steps @param {number} place */
  around(steps, place) {
    [this.#steps, this.#place, this.#failures] = [steps, place, 0];
    this.#pump();
  }

  /** Another picture of a step was kept, or of all steps perhaps. @param {number} [step] */
  forget(step) {
    if (step === undefined) this.#kept.clear();
    else this.#kept.delete(step);
  }

  #pump() {
    for (;;) {
      const place = this.#nearest();
      const is_urgent = place === this.#place;
      if (place === null || this.#busy >= (is_urgent ? 2 : 1)) return;
      this.#ask(this.#isAlone(this.#steps[place]) ? [this.#steps[place]] : this.#stretch(place, is_urgent ? FIRST : BATCH));
    }
  }

  /** @param {number} step */
  #isAlone(step) {
    return this.#is_drawn || this.#alone.has(step);
  }

  /** @param {number} place */
  #isMissing(place) {
    const step = this.#steps[place];
    return step !== undefined && !this.#kept.has(step) && !this.#asked.has(step);
  }

  /** The nearest place that is not there yet, among those that will be kept. */
  #nearest() {
    for (let away = 0; away <= this.#most / 2; away++) {
      for (const place of [this.#place + away, this.#place - away]) {
        if (this.#isMissing(place) && (away <= NEAR || !this.#isAlone(this.#steps[place]))) return place;
      }
    }
    return null;
  }

  /** The steps around a place that come in one answer. @param {number} place @param {number} most */
  #stretch(place, most) {
    const is_open = (/** @type {number} */ at) => this.#isMissing(at) && !this.#isAlone(this.#steps[at]) && Math.abs(at - this.#place) <= this.#most / 2;
    let [from, to] = [place, place];
    for (let grew = true; grew && to - from + 1 < most; ) {
      grew = false;
      if (is_open(to + 1)) [to, grew] = [to + 1, true];
      if (to - from + 1 < most && is_open(from - 1)) [from, grew] = [from - 1, true];
    }
    return this.#steps.slice(from, to + 1);
  }

  /** @param {number[]} steps rising */
  async #ask(steps) {
    for (const step of steps) this.#asked.add(step);
    this.#busy++;
    const is_read = await this.#read(steps).then(() => true, () => false);
    this.#busy--;
    for (const step of steps) this.#asked.delete(step);
    if (!is_read && ++this.#failures >= TRIES) return; // the next move tries again
    if (!is_read) return void setTimeout(() => this.#pump(), AGAIN_MS);
    this.#failures = 0;
    this.#told();
    this.#pump();
  }

  /** @param {number[]} steps */
  async #read(steps) {
    if (this.#isAlone(steps[0])) return this.#keep(steps[0], await frame(`${this.#path}${this.#is_drawn ? "&" : "?"}step=${steps[0]}`));
    const last = steps[steps.length - 1];
    const found = await frames(`${this.#path}/past?from_step=${steps[0]}&to_step=${last}`);
    for (const picture of found) this.#keep(picture.step, picture);
    const reached = found.length ? found[found.length - 1].step : last;
    for (const step of steps) if (step <= reached && !this.#kept.has(step)) this.#alone.add(step);
  }

  /** @param {number} step @param {Picture} picture */
  #keep(step, picture) {
    this.#kept.set(step, picture);
    const size = Object.values(picture.arrays).reduce((sum, array) => sum + array.byteLength, 1024);
    this.#most = Math.min(this.#most, Math.max(2 * FIRST, Math.floor(MOST_BYTES / size)));
    if (this.#kept.size <= this.#most) return;
    const now = this.#steps[this.#place] ?? 0;
    const [low, high] = [Math.min(...this.#kept.keys()), Math.max(...this.#kept.keys())];
    this.#kept.delete(now - low > high - now ? low : high);
  }
}
