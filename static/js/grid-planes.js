// @ts-check
// A table whose states lie on one or several maps: the cells of one map, where a state lies, and the choice of the map.

import { make } from "./chart-frame.js";
import { extent } from "./curves.js";
import { t } from "./text.js";

const CHANGED = "map-chosen";
/** @type {WeakMap<any, Map<number, number>>} */
const places = new WeakMap();

/** A frame with one number a cell instead of one a state; the frame itself where a cell's state is its number. @param {any} frame @param {number} plane */
export function planeOf(frame, plane) {
  const { arrays, meta } = frame;
  if (!arrays.cell_states) return frame;
  const room = meta.rows * meta.cols;
  const states = Array.from(arrays.cell_states.subarray(plane * room, (plane + 1) * room));
  const cells = states.map((state, cell) => (state < 0 ? " " : meta.cells[cell])).join("");
  /** @type {Record<string, Float32Array>} */
  const own = {};
  for (const [name, array] of Object.entries(arrays)) {
    const width = array.length / meta.n_states; // 1, or one number an action
    if (name === "cell_states" || !Number.isInteger(width)) continue;
    own[name] = Float32Array.from({ length: room * width }, (_unused, i) => array[states[Math.floor(i / width)] * width + (i % width)] ?? NaN);
  }
  return { ...frame, arrays: own, meta: { ...meta, cells, plane: meta.planes?.[plane] } };
}

/** Smallest and largest number of a kind over all maps, so that one colour means one number on each. @param {any} frame @param {string} mode @returns {[number, number]} */
export function rangeOf({ arrays, meta }, mode) {
  const n = Math.round(arrays[mode].length / meta.n_states) || 1; // 1, or one number an action
  const room = meta.rows * meta.cols;
  const states = arrays.cell_states ?? Array.from({ length: room }, (_unused, cell) => cell);
  const shown = [];
  for (let i = 0; i < states.length; i++) {
    if (states[i] < 0 || "#XG ".includes(meta.cells[i % room])) continue;
    for (let a = 0; a < n; a++) shown.push(arrays[mode][states[i] * n + a]);
  }
  return extent(shown) ?? [0, 0];
}

/** Where a state lies, as plane · cells + cell, or null where it lies on no map. @param {{cell_states?: any, rows?: number, cols?: number}} scene @param {number} state @returns {number | null} */
export function placeOf(scene, state) {
  if (!scene.cell_states) return state;
  let found = places.get(scene.cell_states);
  if (!found) {
    const flat = scene.cell_states.flat ? scene.cell_states.flat() : [...scene.cell_states];
    found = new Map(flat.map((/** @type {number} */ one, /** @type {number} */ at) => [one, at]));
    places.set(scene.cell_states, found);
  }
  return found.get(state) ?? null;
}

/**
 * A labelled list of the maps, or null where there is one; all lists of a page choose together.
 * @param {string[] | undefined} names @param {(plane: number) => void} changed
 * @returns {{element: HTMLElement, leave: () => void} | null}
 */
export function planeChoice(names, changed) {
  if (!names || names.length < 2) return null;
  const label = make("label", "slider");
  const select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  select.dataset.size = "small";
  names.forEach((name, plane) => select.add(new Option(name, String(plane))));
  const chosen = (/** @type {Event} */ event) => {
    const plane = /** @type {CustomEvent} */ (event).detail;
    if (plane >= names.length) return;
    select.value = String(plane);
    changed(plane);
  };
  document.addEventListener(CHANGED, chosen);
  select.addEventListener("change", () => document.dispatchEvent(new CustomEvent(CHANGED, { detail: Number(select.value) })));
  label.append(make("span", "muted", t("Map")), select);
  return { element: label, leave: () => document.removeEventListener(CHANGED, chosen) };
}
