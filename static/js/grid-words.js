// @ts-check
// A grid of values in words: one cell for the cursor, all of them as a table.

import { make } from "./chart-frame.js";
import { number } from "./format.js";
import { isPlain } from "./grid-draw.js";
import { isOfActions, layersOf, nameOf } from "./grid-layers.js";
import { t } from "./text.js";

const LEAST = 0.005; // half a percent: what is taken less often rounds to nothing

/** Everything known of a cell. @param {any} frame @param {number} cell */
export function wordsOf(frame, cell) {
  const { arrays, meta } = frame;
  const where = placeName(meta, cell);
  if (meta.cells[cell] === " ") return t("{where}: no state", { where });
  const n = meta.actions.length;
  const actions = (/** @type {Float32Array} */ q) => meta.actions.map((/** @type {string} */ name, /** @type {number} */ a) => `${name} ${number(q[cell * n + a], 4)}`).join(", ");
  const is_own = arrays.policy && arrays.behaviour && meta.actions.every((/** @type {string} */ _name, /** @type {number} */ a) => arrays.policy[cell * n + a] === arrays.behaviour[cell * n + a]);
  const parts = layersOf(frame).flatMap((layer) => {
    if (layer === "q") return actions(arrays.q);
    if (layer === "behaviour" && is_own) return []; // said as the policy
    if (isOfActions(layer)) return `${nameOf(meta, layer)}: ${actions(arrays[layer])}`;
    if (layer === "visits") return t("{count} visits", { count: number(arrays.visits[cell]) });
    return `${layer === "v" ? "V" : nameOf(meta, layer)} ${number(arrays[layer][cell])}`;
  });
  const own = meta.rewards?.find((/** @type {number[]} */ one) => one[0] === cell);
  if (own) parts.unshift(t("reward of entering {reward}", { reward: number(own[1]) }));
  if (arrays.policy && isPlain(meta, cell)) parts.push(policyWords(frame, cell));
  return `${where}: ${parts.join(" · ")}`;
}

/** What the state of a cell is called: its own name, or its row and column and its sign. @param {any} meta @param {number} cell */
function placeName({ cols, axes, row_names, col_names, labels, names, pattern, plane }, cell) {
  if (names?.[cell]) return names[cell];
  const [row, col] = [row_names?.[Math.floor(cell / cols)] ?? Math.floor(cell / cols), col_names?.[cell % cols] ?? cell % cols];
  if (pattern) return t(pattern, { row, col, plane: plane ?? "" });
  const where = axes ? `${axes[0]} ${row}, ${axes[1]} ${col}` : t("row {row}, column {col}", { row, col });
  return labels?.[cell] ? `${labels[cell]} · ${where}` : where;
}

/** The actions that a policy takes in a cell, with their probabilities where there are several. @param {any} frame @param {number} cell */
function policyWords({ arrays, meta }, cell) {
  const n = meta.actions.length;
  const taken = meta.actions.flatMap((/** @type {string} */ name, /** @type {number} */ a) => {
    const share = arrays.policy[cell * n + a];
    return share >= LEAST ? [{ name, share }] : [];
  });
  if (taken.length === 1) return t("policy {action}", { action: taken[0].name });
  return t("policy {actions}", { actions: taken.map((/** @type {any} */ one) => `${one.name} ${Math.round(100 * one.share)} %`).join(", ") });
}

/** Fill the table behind a map, one cell of it per cell of the grid. @param {HTMLDetailsElement} behind @param {any} frame @param {string} mode @param {string} name */
export function tableOf(behind, { arrays, meta }, mode, name) {
  const grid = make("table", "table");
  grid.append(make("caption", "visually-hidden", name));
  const n = isOfActions(mode) ? meta.actions.length : 1; // of several actions, the largest number
  const shown = Array.from({ length: meta.rows * meta.cols }, (_unused, cell) => Math.max(...arrays[mode].subarray(cell * n, cell * n + n)));
  if (meta.col_names) {
    const head = make("tr");
    head.append(make("td"), ...meta.col_names.map((/** @type {string} */ one) => make("th", "number", one)));
    grid.append(head);
  }
  for (let row = 0; row < meta.rows; row++) {
    const line = make("tr");
    if (meta.row_names) line.append(make("th", "", meta.row_names[row]));
    for (let col = 0; col < meta.cols; col++) line.append(make("td", "number", number(shown[row * meta.cols + col], 3)));
    grid.append(line);
  }
  const scroll = make("div", "table-scroll");
  scroll.tabIndex = 0;
  scroll.append(grid);
  behind.replaceChildren(behind.querySelector("summary") ?? "", scroll);
}
