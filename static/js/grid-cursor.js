// @ts-check
// Which cell of a grid is pointed at, by pointer or by arrow keys.

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** The cell under a point of the canvas, or null. @param {import("./grid-draw.js").Meta} meta @param {import("./grid-draw.js").Place} at @param {number} x @param {number} y */
export function cellAt({ rows, cols }, at, x, y) {
  const [col, row] = [Math.floor((x - at.left) / at.size), Math.floor((y - at.top) / at.size)];
  return col >= 0 && col < cols && row >= 0 && row < rows ? row * cols + col : null;
}

/** The cell an arrow key leads to, or undefined for another key; the first press takes the first cell. @param {import("./grid-draw.js").Meta} meta @param {number | null} cell @param {string} key */
export function cellAfter({ rows, cols }, cell, key) {
  const move = MOVES[/** @type {keyof MOVES} */ (key)];
  if (!move) return undefined;
  const [now, by] = cell === null ? [0, [0, 0]] : [cell, move];
  const row = Math.min(Math.max(Math.floor(now / cols) + by[0], 0), rows - 1);
  const col = Math.min(Math.max((now % cols) + by[1], 0), cols - 1);
  return row * cols + col;
}
