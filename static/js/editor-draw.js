// @ts-check
// Draws a world that is being edited: the letters, V* with its best actions, what cannot be reached, rewards of single cells.

import { rgb, token } from "./colors.js";
import { number } from "./format.js";
import { cells, corner, isPlain, place, values } from "./grid-draw.js";
import { label } from "./grid-glyphs.js";

const ACTIONS = ["Up", "Right", "Down", "Left"];
const TALLEST = 0.62; // of the window

/**
 * @typedef {import("./editor-world.js").World} World
 * @typedef {import("./editor-solver.js").Answer} Answer
 */

/** @param {World} world */
const metaOf = (world) => ({ rows: world.rows, cols: world.cols, cells: world.letters.join(""), actions: ACTIONS });

/** Where the grid lies in a width. @param {World} world @param {number} width */
export const placeOf = (world, width) => place(metaOf(world), width, Math.max(260, innerHeight * TALLEST));

/** @param {World} world @param {number} width */
export const heightOf = (world, width) => Math.ceil(placeOf(world, width).size * world.rows);

/** @param {CanvasRenderingContext2D} ctx @param {number} width @param {World} world @param {Answer | null} answer */
export function drawWorld(ctx, width, world, answer) {
  const meta = metaOf(world);
  const at = placeOf(world, width);
  const is_same_size = answer?.layout.rows === world.rows && answer.layout.cols === world.cols;
  if (!answer || !is_same_size) cells(ctx, meta, at, () => null);
  else values(ctx, meta, at, { values: Float32Array.from(answer.v), policy: flat(answer.policy), range: rangeOf(answer, meta), signed: false });
  for (let cell = 0; cell < meta.cells.length; cell++) {
    const [x, y] = corner(meta, at, cell);
    if (answer && is_same_size && !answer.reachable[cell] && isPlain(meta, cell)) hatch(ctx, x, y, at.size);
    const reward = world.rewards.get(cell);
    if (reward !== undefined) tag(ctx, x, y, at.size, (reward > 0 ? "+" : "") + number(reward, 3));
  }
}

/** @param {number[][]} policy */
function flat(policy) {
  const found = new Float32Array(policy.length * ACTIONS.length);
  policy.forEach((best, state) => best.forEach((action) => (found[state * ACTIONS.length + action] = 1)));
  return found;
}

/** @param {Answer} answer @param {{cells: string, rows: number, cols: number, actions: string[]}} meta @returns {[number, number]} */
function rangeOf(answer, meta) {
  const shown = answer.v.filter((_value, cell) => answer.reachable[cell] && isPlain(meta, cell));
  return shown.length ? [Math.min(...shown), Math.max(...shown)] : [0, 1];
}

/** Slanted lines over floor: no episode ever comes here. @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size */
function hatch(ctx, x, y, size) {
  const [r, g, b] = rgb("--cell-floor");
  const inner = size - 2;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x + 1, y + 1, inner, inner);
  ctx.clip();
  ctx.fillStyle = `rgb(${r} ${g} ${b})`;
  ctx.fillRect(x, y, size, size);
  ctx.strokeStyle = token("--muted");
  ctx.globalAlpha = 0.5;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let shift = -size; shift < size; shift += Math.max(4, size / 5)) {
    ctx.moveTo(x + shift, y + size);
    ctx.lineTo(x + shift + size, y);
  }
  ctx.stroke();
  ctx.restore();
}

/** The reward of a cell at its lower edge; a dot where it has no room. @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size @param {string} text */
function tag(ctx, x, y, size, text) {
  const height = Math.min(Math.max(size * 0.2, 9), 12);
  ctx.font = `500 ${height}px system-ui, sans-serif`;
  const width = ctx.measureText(text).width + 6;
  const has_room = width <= size - 2 && size >= 20;
  ctx.fillStyle = token("--surface");
  ctx.strokeStyle = token("--text");
  ctx.lineWidth = 1;
  ctx.beginPath();
  if (has_room) ctx.roundRect(x + size - width - 2, y + 2, width, height + 3, 3);
  else ctx.arc(x + size * 0.8, y + size * 0.2, Math.max(2, size * 0.12), 0, 7);
  ctx.fill();
  ctx.stroke();
  if (has_room) label(ctx, text, x + size - width / 2 - 2, y + 4 + height / 2, height, token("--text"));
}
