// @ts-check
// The moment that every picture of a run shows: a past step, or now; and the steps at which pictures were kept.

import { json } from "./api.js";

/** @type {Map<number, Moment>} */
const moments = new Map();

/** The moment of a run, shared by every element that shows something of it. @param {number} run */
export function momentOf(run) {
  let found = moments.get(run);
  if (!found) moments.set(run, (found = new Moment(run)));
  return found;
}

/** Place of the last number at or before a value, else the first. @param {number[]} rising @param {number} value */
export function placeOf(rising, value) {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

export class Moment {
  /** @type {number | null} a past step; null is now */
  at = null;
  /** @type {number[]} every step at which some picture was kept */
  steps = [];
  /** @type {Map<string, number[]>} */
  #kept = new Map();
  /** @type {Map<() => void, () => void>} */
  #listeners = new Map();
  #asked = 0;
  #read = 0;

  /** @param {number} run */
  constructor(run) {
    this.run = run;
  }

  /** Hear of changes, and of `approach`, until the returned function is called. @param {() => void} told @param {() => void} [come] */
  watch(told, come = () => {}) {
    this.#listeners.set(told, come);
    return () => void this.#listeners.delete(told);
  }

  /** @param {number | null} at */
  set(at) {
    if (at === this.at) return;
    this.at = at;
    this.#tell();
  }

  /** Somebody is about to move: what shows something of this run may read ahead. */
  approach() {
    for (const come of [...this.#listeners.values()]) come();
  }

  /** Steps at which a panel was kept. @param {string} panel */
  stepsOf(panel) {
    return this.#kept.get(panel) ?? [];
  }

  /** Read anew what was kept; an answer that is overtaken by a later one counts no more. */
  async load() {
    const asked = ++this.#asked;
    const { panels } = await json(`/runs/${this.run}/frames`);
    if (asked < this.#read) return;
    this.#read = asked;
    this.#kept = new Map(panels.map((/** @type {any} */ one) => [one.panel, one.steps]));
    this.steps = [...new Set([...this.#kept.values()].flat())].sort((a, b) => a - b);
    this.#tell();
  }

  #tell() {
    for (const told of [...this.#listeners.keys()]) told();
  }
}
