// @ts-check
// Drawing a grid of values: cells, numbers, arrows of the greedy policy, triangles of Q, walls, pits and goals.

import { css, diverging, ink, rgb, sequential, token } from "./colors.js";
import { number } from "./format.js";
import { arrow, dot, flag, label } from "./grid-glyphs.js";

/**
 * @typedef {{rows: number, cols: number, cells: string, actions: string[]}} Meta
 * @typedef {{size: number, left: number, top: number}} Place
 */

const HEADINGS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1], "←": [-1, 0], "→": [1, 0], "↑": [0, -1], "↓": [0, 1] };
const GAP = 1.25;

/** Where an action points, or null where it is no direction. @param {string} name */
export const heading = (name) => HEADINGS[/** @type {keyof HEADINGS} */ (name.toLowerCase())] ?? null;

/** Cell size and offsets of a grid in a width. @param {Meta} meta @param {number} width @param {number} most_height @returns {Place} */
export function place(meta, width, most_height) {
  const size = Math.min(width / meta.cols, most_height / meta.rows, 112);
  return { size, left: (width - size * meta.cols) / 2, top: 0 };
}

/** The background of every cell that has no value. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at @param {(index: number) => number[] | null} color */
export function cells(ctx, meta, at, color) {
  for (let index = 0; index < meta.rows * meta.cols; index++) {
    const letter = meta.cells[index];
    const [x, y] = corner(meta, at, index);
    const own = letter === "#" ? rgb("--cell-wall") : letter === "X" ? rgb("--cell-pit") : letter === "G" ? rgb("--cell-goal") : null;
    const fill = own ?? color(index) ?? rgb("--cell-floor");
    ctx.fillStyle = css(fill);
    box(ctx, x, y, at.size);
    if (letter === "X") dot(ctx, x, y, at.size);
    if (letter === "G") flag(ctx, x, y, at.size);
    if (letter === "S" && at.size > 26) label(ctx, "S", x + at.size * 0.14, y + at.size * 0.2, at.size * 0.16, ink(fill));
    if ("<>^v".includes(letter) && at.size > 22) label(ctx, { "<": "←", ">": "→", "^": "↑", v: "↓" }[letter] ?? "", x + at.size * 0.85, y + at.size * 0.2, at.size * 0.2, token("--muted"));
  }
}

/** @param {Meta} meta @param {number} index */
export const isPlain = (meta, index) => !"#XG".includes(meta.cells[index]);

/** Values with the greedy actions as arrows. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at @param {{values: Float32Array, policy: Float32Array | null, range: [number, number], signed: boolean}} what */
export function values(ctx, meta, at, { values: v, policy, range, signed }) {
  const scale = scaled(range, signed);
  cells(ctx, meta, at, (index) => scale(v[index]));
  const n = meta.actions.length;
  for (let index = 0; index < v.length; index++) {
    if (!isPlain(meta, index)) continue;
    const [x, y] = corner(meta, at, index);
    const color = ink(scale(v[index]));
    const has_arrow = policy !== null && at.size >= 14;
    const has_text = at.size >= 34;
    const middle = y + at.size * (has_text && has_arrow ? 0.4 : 0.5);
    if (has_arrow) {
      const chosen = meta.actions.map((name, a) => (policy[index * n + a] > 0.01 ? heading(name) : null)).filter(Boolean);
      const tail = chosen.length > 1 ? 0 : 0.95;
      for (const toward of chosen) if (toward) arrow(ctx, { x: x + at.size / 2, y: middle, length: at.size * 0.19, tail }, toward, color);
    }
    if (has_text) label(ctx, number(v[index], 3), x + at.size / 2, y + at.size * (has_arrow ? 0.8 : 0.5), Math.min(at.size * 0.19, 13), color, at.size - 6);
  }
}

/** One triangle per action, pointing where the action goes. @param {CanvasRenderingContext2D} ctx @param {Meta} meta @param {Place} at @param {{q: Float32Array, range: [number, number]}} what */
export function triangles(ctx, meta, at, { q, range }) {
  const scale = scaled(range, false);
  cells(ctx, meta, at, () => null);
  const n = meta.actions.length;
  const half = at.size / 2 - GAP;
  for (let index = 0; index < meta.rows * meta.cols; index++) {
    if (!isPlain(meta, index)) continue;
    const [x, y] = corner(meta, at, index);
    const [cx, cy] = [x + at.size / 2, y + at.size / 2];
    for (let a = 0; a < n; a++) {
      const toward = heading(meta.actions[a]);
      if (!toward) continue;
      const [dx, dy] = toward;
      const color = scale(q[index * n + a]);
      ctx.fillStyle = css(color);
      ctx.beginPath();
      ctx.moveTo(cx, cy);
      ctx.lineTo(cx + half * (dx - dy), cy + half * (dy + dx));
      ctx.lineTo(cx + half * (dx + dy), cy + half * (dy - dx));
      ctx.fill();
      if (at.size >= 58) label(ctx, number(q[index * n + a], 2), cx + dx * half * 0.66, cy + dy * half * 0.68, Math.min(at.size * 0.14, 11), ink(color));
    }
  }
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
