// @ts-check
// Past pictures of one panel, kept once read, and read ahead around the moment that is shown.

import { frame } from "./api.js";

const MOST = 320;
const AT_ONCE = 3;
const NEAR = 6; // of pictures that are drawn on request, only the neighbours

/** @typedef {Awaited<ReturnType<typeof frame>>} Picture */

export class Past {
  /** @type {Map<number, Picture>} */
  #kept = new Map();
  /** @type {Map<number, Promise<Picture>>} */
  #asked = new Map();
  /** @type {number[]} */
  #queue = [];

  /** @param {string} path of the picture now */
  constructor(path) {
    this.path = path;
    this.is_drawn = path.includes("?");
  }

  /** @param {number} step */
  get(step) {
    return this.#kept.get(step);
  }

  /** @param {number} step @returns {Promise<Picture>} */
  read(step) {
    let found = this.#asked.get(step);
    if (!found) {
      found = frame(`${this.path}${this.is_drawn ? "&" : "?"}step=${step}`).finally(() => this.#asked.delete(step));
      found.then((picture) => this.#keep(step, picture)).catch(() => {});
      this.#asked.set(step, found);
    }
    return found;
  }

  /** Read what lies around a place, the nearest first. @param {number[]} steps @param {number} place */
  ahead(steps, place) {
    const from = this.is_drawn ? Math.max(0, place - NEAR) : 0;
    const near = steps.slice(from, this.is_drawn ? place + NEAR : undefined).map((step, index) => ({ step, away: Math.abs(index + from - place) }));
    this.#queue = near.filter(({ step }) => !this.#kept.has(step)).sort((a, b) => b.away - a.away).map(({ step }) => step);
    this.#pump();
  }

  #pump() {
    while (this.#queue.length && this.#asked.size < AT_ONCE) {
      const step = /** @type {number} */ (this.#queue.pop());
      if (!this.#kept.has(step)) this.read(step).catch(() => {}).finally(() => this.#pump());
    }
  }

  /** @param {number} step @param {Picture} picture */
  #keep(step, picture) {
    this.#kept.set(step, picture);
    if (this.#kept.size > MOST) this.#kept.delete(/** @type {number} */ (this.#kept.keys().next().value));
  }
}
