// @ts-check
// Drawing a grid of values: cells, numbers, greedy actions, values of actions, walls, pits and goals, names at the edges.

import { css, diverging, ink, rgb, sequential, token } from "./colors.js";
import { number } from "./format.js";
import { actionValues, greedy, heading, isGraded, weighed } from "./grid-actions.js";
import { dot, fit, flag, label } from "./grid-glyphs.js";
import { rewards } from "./grid-rewards.js";

/**
 * @typedef {{rows: number, cols: number, cells: string, actions: string[], labels?: string[], row_names?: string[], col_names?: string[], axes?: string[], walls?: number[][], planes?: string[], names?: string[], rewards?: number[][]}} Meta
 * @typedef {{size: number, left: number, top: number}} Place
 */

const GAP = 1.25;
const LARGEST = 112;
const LARGEST_ALONE = 240;
const EDGE = { left: 30, top: 20 };
const NAMED = 16; // pixels a cell must have for its corner to be written in

const READABLE = 20; // pixels a cell must have for an arrow
const LEGIBLE = 30; // and for a number

export { heading };

/** Cell size and offsets of a grid in a width. @param {Meta} meta @param {number} width @param {number} most_height @returns {Place} */
export function place(meta, width, most_height) {
  const side = meta.row_names ? EDGE.left : 0;
  const head = meta.col_names ? EDGE.top : 0;
  const largest = meta.rows * meta.cols === 1 ? LARGEST_ALONE : LARGEST;
  const size = Math.min((width - side) / meta.cols, (most_height - head) / meta.rows, largest);
  return { size, left: side + (width - side - size * meta.cols) / 2, top: head };
}

/** The background of every cell that has no value. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at @param {(index: number) => number[] | null} color */
export function cells(ctx, meta, at, color) {
  for (let index = 0; index < meta.rows * meta.cols; index++) {
    const letter = meta.cells[index];
    if (letter === " ") continue;
    const [x, y] = corner(meta, at, index);
    const own = letter === "#" ? rgb("--cell-wall") : letter === "X" ? rgb("--cell-pit") : letter === "G" ? rgb("--cell-goal") : null;
    const fill = own ?? color(index) ?? rgb("--cell-floor");
    ctx.fillStyle = css(fill);
    box(ctx, x, y, at.size);
    if (letter === "X") dot(ctx, x, y, at.size);
    if (letter === "G") flag(ctx, x, y, at.size);
    const sign = meta.labels?.[index] || (letter === "S" ? "S" : "");
    const small = Math.min(at.size * 0.2, 16);
    if (sign && at.size > (meta.labels ? NAMED : 26)) label(ctx, sign, x + Math.max(Math.min(at.size, LARGEST) * 0.14, 7), y + Math.max(Math.min(at.size, LARGEST) * 0.16, 7), Math.max(Math.min(at.size * 0.16, 14), 8), ink(fill));
    if ("<>^v".includes(letter) && at.size > 22) label(ctx, { "<": "←", ">": "→", "^": "↑", v: "↓" }[letter] ?? "", x + at.size * 0.85, y + at.size * 0.2, small, own ? token("--muted") : ink(fill));
  }
  edges(ctx, meta, at);
}

/** Names beside rows and above columns. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at */
function edges(ctx, meta, at) {
  const color = token("--muted");
  const height = Math.min(at.size * 0.5, 12);
  meta.row_names?.forEach((name, row) => label(ctx, name, at.left - EDGE.left / 2, at.top + (row + 0.5) * at.size, height, color));
  const every = Math.ceil(NAMED / at.size);
  meta.col_names?.forEach((name, col) => {
    if (col % every === 0) label(ctx, name, at.left + (col + 0.5) * at.size, at.top - EDGE.top / 2, height, color, at.size * every + 6);
  });
}

/** Walls between cells. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at */
export function walls(ctx, meta, at) {
  ctx.strokeStyle = token("--text");
  ctx.lineWidth = Math.max(2, at.size * 0.05);
  ctx.lineCap = "round";
  ctx.beginPath();
  for (const [one, other] of meta.walls ?? []) {
    const [x, y] = corner(meta, at, Math.max(one, other));
    ctx.moveTo(x, y);
    if (Math.abs(other - one) === 1) ctx.lineTo(x, y + at.size);
    else ctx.lineTo(x + at.size, y);
  }
  ctx.stroke();
}

/** @param {Meta} meta @param {number} index */
export const isPlain = (meta, index) => !"#XG ".includes(meta.cells[index]);

/** The cells that hold a value. @param {Meta} meta */
const plain = (meta) => Array.from({ length: meta.rows * meta.cols }, (_unused, index) => index).filter((index) => isPlain(meta, index));

/** Values with the greedy actions as arrows. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at @param {{values: Float32Array, policy: Float32Array | null, range: [number, number], signed: boolean}} what */
export function values(ctx, meta, at, { values: v, policy, range, signed }) {
  const scale = scaled(range, signed);
  cells(ctx, meta, at, (index) => scale(v[index]));
  const n = meta.actions.length;
  const is_graded = policy !== null && isGraded(policy, n);
  const has_arrow = policy !== null && at.size >= READABLE;
  const height = Math.min(at.size * 0.19, 13);
  const least = Math.max(Math.abs(range[0]), Math.abs(range[1])) / 1000;
  const figure = (/** @type {number} */ value) => (value && Math.abs(value) < least ? "≈0" : number(value, 3));
  const has_text = at.size >= LEGIBLE && fit(ctx, height, plain(meta).map((index) => figure(v[index])), at.size - 4);
  for (let index = 0; index < meta.rows * meta.cols; index++) {
    if (!isPlain(meta, index)) continue;
    const [x, y] = corner(meta, at, index);
    const color = ink(scale(v[index]));
    const middle = y + at.size * (has_text && has_arrow ? 0.4 : 0.5);
    if (has_arrow) {
      const square = { x: x + at.size / 2, y: middle, size: Math.min(at.size, LARGEST) };
      const shares = policy.subarray(index * n, index * n + n);
      if (is_graded) weighed(ctx, square, { names: meta.actions, shares }, color);
      else greedy(ctx, square, { names: meta.actions.filter((_name, a) => shares[a] > 0.01), all: meta.actions }, color);
    }
    if (has_text) label(ctx, figure(v[index]), x + at.size / 2, y + at.size * (has_arrow ? 0.8 : 0.5), height, color);
  }
  walls(ctx, meta, at);
  rewards(ctx, meta, at);
}

/** The value of each action. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at @param {{q: Float32Array, range: [number, number]}} what */
export function triangles(ctx, meta, at, { q, range }) {
  const scale = scaled(range, false);
  cells(ctx, meta, at, () => null);
  const n = meta.actions.length;
  for (let index = 0; index < meta.rows * meta.cols; index++) {
    if (!isPlain(meta, index)) continue;
    const [x, y] = corner(meta, at, index);
    actionValues(ctx, { x, y, size: at.size }, meta.actions, (action) => q[index * n + action], scale);
  }
  walls(ctx, meta, at);
  rewards(ctx, meta, at);
}

/** @param {[number, number]} range @param {boolean} signed @returns {(value: number) => number[]} */
export function scaled([low, high], signed) {
  if (signed) {
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return (value) => diverging(value / most);
  }
  return (value) => sequential(high > low ? (value - low) / (high - low) : 0.5);
}

/** @param {Meta} meta @param {Place} at @param {number} index */
export function corner(meta, at, index) {
  return [at.left + (index % meta.cols) * at.size, at.top + Math.floor(index / meta.cols) * at.size];
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size */
export function box(ctx, x, y, size) {
  const gap = Math.min(GAP, size * 0.06);
  ctx.beginPath();
  ctx.roundRect(x + gap, y + gap, size - 2 * gap, size - 2 * gap, Math.min(5, size * 0.12));
  ctx.fill();
}
