// @ts-check
// The rewards of cells that have one of their own, as small signs in their corners.

import { token } from "./colors.js";
import { number } from "./format.js";
import { label } from "./grid-glyphs.js";

const ROOMY = 44; // pixels a cell must have to show its reward beside its value
const INSET = 3;

/** @param {CanvasRenderingContext2D} ctx @param {import("./grid-draw.js").Meta} meta @param {import("./grid-draw.js").Place} at */
export function rewards(ctx, meta, at) {
  if (at.size < ROOMY) return;
  for (const [cell, reward] of meta.rewards ?? []) {
    const [x, y] = [at.left + (cell % meta.cols) * at.size, at.top + Math.floor(cell / meta.cols) * at.size];
    const is_windy = "<>^v".includes(meta.cells[cell]); // the wind's arrow is in the usual corner
    const text = `${reward > 0 ? "+" : ""}${number(reward, 2)}`;
    sign(ctx, text, { edge: is_windy ? x + INSET : x + at.size - INSET, y: y + INSET, size: Math.min(Math.max(at.size * 0.16, 9), 12), is_left: is_windy });
  }
}

/** A text on a ground of its own, readable on every colour. @param {CanvasRenderingContext2D} ctx @param {string} text @param {{edge: number, y: number, size: number, is_left: boolean}} at */
function sign(ctx, text, { edge, y, size, is_left }) {
  ctx.font = `500 ${size}px system-ui, sans-serif`;
  const width = ctx.measureText(text).width + size * 0.7;
  const left = is_left ? edge : edge - width;
  ctx.fillStyle = token("--surface");
  ctx.beginPath();
  ctx.roundRect(left, y, width, size * 1.3, size * 0.4);
  ctx.fill();
  label(ctx, text, left + width / 2, y + size * 0.68, size, token("--text"));
}
