// @ts-check
// A grid of values in words: one cell for the cursor, all of them as a table.

import { make } from "./chart-frame.js";
import { number } from "./format.js";
import { t } from "./text.js";

/** Everything known of a cell. @param {any} frame @param {number} cell */
export function wordsOf({ arrays, meta }, cell) {
  const n = meta.actions.length;
  const one = (/** @type {string} */ name, /** @type {number} */ a) => `${name} ${number(arrays.q[cell * n + a], 4)}`;
  const where = t("row {row}, column {col}", { row: Math.floor(cell / meta.cols), col: cell % meta.cols });
  const optimum = arrays.optimal ? `V* ${number(arrays.optimal[cell])}` : "";
  const visits = t("{count} visits", { count: number(arrays.visits[cell]) });
  return [`${where}: V ${number(arrays.v[cell])}`, optimum, meta.actions.map(one).join(", "), visits].filter(Boolean).join(" · ");
}

/** Fill the table behind a map, one cell of it per cell of the grid. @param {HTMLDetailsElement} behind @param {any} frame @param {string} mode @param {string} name */
export function tableOf(behind, { arrays, meta }, mode, name) {
  const grid = make("table", "table");
  grid.append(make("caption", "visually-hidden", name));
  const shown = mode === "q" ? arrays.v : arrays[mode];
  for (let row = 0; row < meta.rows; row++) {
    const line = make("tr");
    for (let col = 0; col < meta.cols; col++) line.append(make("td", "number", number(shown[row * meta.cols + col], 3)));
    grid.append(line);
  }
  const scroll = make("div", "table-scroll");
  scroll.tabIndex = 0;
  scroll.append(grid);
  behind.replaceChildren(behind.querySelector("summary") ?? "", scroll);
}
