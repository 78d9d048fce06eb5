// @ts-check
// Curves of runs: read once over REST in buckets of the full data, then extended point by point from the stream.

import { json } from "./api.js";
import { extend } from "./curves.js";
import { subscribe } from "./stream.js";

/** @typedef {import("./curves.js").Curve} Curve */

const MAX_POINTS = 1000;
const TOO_MANY = 2500;
/** @type {Map<number, RunCurves>} */
const runs = new Map();

/** The curves of a run, shared by every element that shows one. @param {number} run */
export function curvesOf(run) {
  let found = runs.get(run);
  if (!found) runs.set(run, (found = new RunCurves(run)));
  return found;
}

export class RunCurves {
  /** @type {Map<string, Curve>} */
  curves = new Map();
  /** @type {{step: number, text: string, is_minor?: boolean}[]} */
  marks = [];
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map();
  #is_due = false;
  #leave = () => {};

  /** @param {number} run */
  constructor(run) {
    this.run = run;
  }

  /** Hear of changes of these scalars until the returned function is called. @param {string[]} names @param {() => void} told */
  listen(names, told) {
    if (!this.#listeners.size) this.#leave = subscribe({ runs: [this.run] }, (_id, delta) => this.#news(delta));
    for (const name of names) {
      if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
      this.#listeners.get(name)?.add(told);
    }
    if (names.some((name) => !this.curves.has(name))) this.#readSoon();
    else told();
    return () => {
      for (const name of names) {
        this.#listeners.get(name)?.delete(told);
        if (!this.#listeners.get(name)?.size) this.#listeners.delete(name);
      }
      if (!this.#listeners.size) this.#leave();
    };
  }

  /** Read every listened scalar again in one request. */
  #readSoon() {
    if (this.#is_due) return;
    this.#is_due = true;
    queueMicrotask(async () => {
      this.#is_due = false;
      const names = [...this.#listeners.keys()];
      try {
        const query = new URLSearchParams({ names: names.join(","), max_points: String(MAX_POINTS) });
        const { series, cursor } = await json(`/runs/${this.run}/metrics?${query}`);
        for (const name of names) {
          const found = series[name] ?? { steps: [], values: [], min: [], max: [] };
          const next = cursor[name] ?? 0;
          this.curves.set(name, { ...found, next, each: next / Math.max(1, found.steps.length), open: 0 });
        }
        this.#tell(names);
      } catch {
        setTimeout(() => this.#readSoon(), 2000);
      }
    });
  }

  /** @param {import("./stream.js").Delta} delta */
  #news(delta) {
    if (delta.refetch || delta.run?.truncated_after !== undefined) return this.#readSoon();
    const changed = [];
    let is_hole = false;
    for (const [name, fresh] of Object.entries(delta.points ?? {})) {
      const curve = this.curves.get(name);
      if (!curve) continue;
      const skip = curve.next - fresh.first_seq;
      if (skip < 0) is_hole = true;
      else if (skip < fresh.steps.length) {
        extend(curve, fresh, skip);
        curve.next = fresh.first_seq + fresh.steps.length;
        changed.push(name);
        if (curve.steps.length > TOO_MANY) is_hole = true;
      }
    }
    if (is_hole) this.#readSoon();
    this.#tell(changed);
  }

  /** @param {string[]} names */
  #tell(names) {
    const told = new Set(names.flatMap((name) => [...(this.#listeners.get(name) ?? [])]));
    for (const listener of told) listener();
  }

  /** Lines drawn across every curve, such as edits. @param {{step: number, text: string, is_minor?: boolean}[]} marks */
  mark(marks) {
    this.marks = marks;
    this.#tell([...this.#listeners.keys()]);
  }
}
