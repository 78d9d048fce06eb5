// @ts-check
// The worlds that a run has lived in: read once, and again whenever one is edited or changes by itself.

import { json } from "./api.js";
import { placeOf } from "./moment.js";
import { subscribe } from "./stream.js";

/**
 * @typedef {{from_step: number, environment_config: object, words: string, change: string}} World
 * @typedef {{label: string, value: number, from_step?: number | null, to_step?: number | null, run?: number}} Line
 */

const AGAIN_MS = 2000;
const CHANGES = new Set(["edit", "world"]);
/** @type {Map<number, RunWorlds>} */
const runs = new Map();

/** The worlds of a run, shared by every element that shows something of them. @param {number} run */
export function worldsOf(run) {
  let found = runs.get(run);
  if (!found) runs.set(run, (found = new RunWorlds(run)));
  return found;
}

export class RunWorlds {
  /** @type {World[]} oldest first; empty until they were read */
  items = [];
  /** @type {Line[]} known numbers of the return */
  references = [];
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #is_busy = false;
  #is_due = false;
  #leave = () => {};

  /** @param {number} run */
  constructor(run) {
    this.run = run;
  }

  /** Hear when they were read until the returned function is called. @param {() => void} told */
  watch(told) {
    if (!this.#listeners.size) this.#follow();
    this.#listeners.add(told);
    if (this.items.length) told();
    return () => {
      this.#listeners.delete(told);
      if (!this.#listeners.size) this.#leave();
    };
  }

  /** The world at a step, or the newest one. @param {number | null} step @returns {World | null} */
  at(step) {
    const place = step === null ? this.items.length - 1 : placeOf(this.items.map((world) => world.from_step), step);
    return this.items[place] ?? null;
  }

  #follow() {
    this.#leave = subscribe({ runs: [this.run] }, (_id, delta) => {
      if (delta.refetch || delta.events?.some((one) => CHANGES.has(one.event))) this.#read();
    });
    this.#read();
  }

  async #read() {
    this.#is_due = true;
    if (this.#is_busy) return;
    this.#is_busy = true;
    while (this.#is_due) {
      this.#is_due = false;
      const found = await json(`/runs/${this.run}/worlds`).catch(() => null);
      if (found) Object.assign(this, { items: found.items, references: found.references });
      else setTimeout(() => this.#listeners.size && this.#read(), AGAIN_MS);
    }
    this.#is_busy = false;
    if (this.items.length) for (const told of [...this.#listeners]) told();
  }
}
