// @ts-check
// Actions on a cell: where they point, their short names, and their values as triangles, squares or bands.

import { css, ink } from "./colors.js";
import { number } from "./format.js";
import { arrow, label } from "./grid-glyphs.js";

/** @typedef {{x: number, y: number, size: number}} Square */

const SLANT = Math.SQRT1_2;
const HEADINGS = {
  left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1], "←": [-1, 0], "→": [1, 0], "↑": [0, -1], "↓": [0, 1], forward: [1, 0], back: [-1, 0],
  "up right": [SLANT, -SLANT], "down right": [SLANT, SLANT], "down left": [-SLANT, SLANT], "up left": [-SLANT, -SLANT],
};
const GAP = 1.25;
const RARE = 0.01; // an action taken less often is not drawn
const WIDE = "−88"; // as wide as most figures: what fits it decides for every cell alike

/** Where an action points, or null where it is no direction. @param {string} name */
export const heading = (name) => HEADINGS[/** @type {keyof HEADINGS} */ (name.toLowerCase())] ?? null;

/** A number or an initial that stands for an action. @param {string} name */
const short = (name) => name.match(/\d+/)?.[0] ?? name[0] ?? "";

/** The greedy actions of a cell: arrows for directions, a name for one that is none. @param {CanvasRenderingContext2D} ctx @param {Square} at @param {{names: string[], all: string[]}} which @param {string} color */
export function greedy(ctx, { x, y, size }, { names, all }, color) {
  const directions = names.map(heading).filter(Boolean);
  const tail = directions.length > 1 ? 0 : 0.95;
  for (const toward of directions) if (toward) arrow(ctx, { x, y, length: size * 0.19, tail }, toward, color);
  if (names.length !== 1 || directions.length) return;
  const height = Math.min(size * 0.24, 14);
  ctx.font = `500 ${Math.max(8, height)}px system-ui, sans-serif`;
  const do_all_fit = all.every((name) => ctx.measureText(name).width <= size - 8);
  label(ctx, do_all_fit ? names[0] : short(names[0]), x, y, height, color);
}

/** Whether a policy (S · A) weighs actions, and does not only choose among them, all equally. @param {Float32Array} policy @param {number} n */
export function isGraded(policy, n) {
  for (let state = 0; state < policy.length; state += n) {
    const shares = policy.subarray(state, state + n).filter((share) => share > RARE);
    if (Math.max(...shares) - Math.min(...shares) > RARE) return true;
  }
  return false;
}

/** The actions of a cell by their probabilities: longer and darker arrows are taken more often; the likeliest of the others by name. @param {CanvasRenderingContext2D} ctx @param {Square} at @param {{names: string[], shares: Float32Array}} which @param {string} color */
export function weighed(ctx, { x, y, size }, { names, shares }, color) {
  let likeliest = -1;
  names.forEach((name, action) => {
    const [toward, share] = [heading(name), shares[action]];
    if (!toward && share > (shares[likeliest] ?? RARE)) likeliest = action;
    if (!toward || share < RARE) return;
    ctx.globalAlpha = 0.3 + 0.7 * share;
    arrow(ctx, { x, y, length: size * (0.04 + 0.17 * share), tail: 0 }, toward, color);
  });
  ctx.globalAlpha = 1;
  if (likeliest < 0 || Math.max(...shares) > 2 * shares[likeliest]) return;
  const height = Math.min(size * 0.2, 13);
  ctx.font = `500 ${Math.max(8, height)}px system-ui, sans-serif`;
  const percent = `${Math.round(100 * shares[likeliest])} %`;
  const full = `${names[likeliest]} ${percent}`;
  label(ctx, ctx.measureText(full).width <= size - 8 ? full : `${short(names[likeliest])} ${percent}`, x, y, height, color, size - 4);
}

/**
 * The value of every action in a cell: a triangle where it points, a square for slanted moves, a band for what is no direction.
 * @param {CanvasRenderingContext2D} ctx @param {Square} at the cell's corner @param {string[]} names @param {(action: number) => number} value @param {(value: number) => number[]} scale
 */
export function actionValues(ctx, { x, y, size }, names, value, scale) {
  const toward = names.map(heading);
  const others = names.map((_name, action) => action).filter((action) => !toward[action]);
  const is_slanted = toward.some((one) => one && one[0] !== 0 && one[1] !== 0);
  const inner = others.length === names.length ? size - 2 * GAP : size * 0.36;
  const [cx, cy, half] = [x + size / 2, y + size / 2, size / 2 - GAP];
  toward.forEach((one, action) => {
    if (!one) return;
    const color = scale(value(action));
    ctx.fillStyle = css(color);
    if (is_slanted) {
      const third = (2 * half) / 3;
      const [left, top] = [cx + Math.sign(one[0]) * third, cy + Math.sign(one[1]) * third];
      ctx.fillRect(left - third / 2 + 0.5, top - third / 2 + 0.5, third - 1, third - 1);
      return;
    }
    const [dx, dy] = one;
    ctx.beginPath();
    ctx.moveTo(cx, cy);
    ctx.lineTo(cx + half * (dx - dy), cy + half * (dy + dx));
    ctx.lineTo(cx + half * (dx + dy), cy + half * (dy - dx));
    ctx.fill();
    if (size >= 58) label(ctx, number(value(action), 2), cx + dx * half * (others.length ? 0.7 : 0.66), cy + dy * half * 0.68, Math.min(size * 0.14, 11), ink(color), others.length ? size / 3 : 0);
  });
  const band = inner / Math.max(others.length, 1);
  const height = Math.min(band * 0.7, 13);
  ctx.font = `500 ${Math.max(8, height)}px system-ui, sans-serif`;
  const fits = (/** @type {(name: string) => string} */ words) => others.every((action) => ctx.measureText(words(names[action])).width <= inner - 4);
  const has_names = fits((name) => `${name} ${WIDE}`);
  const has_figures = has_names || fits((name) => `${short(name)} ${WIDE}`);
  others.forEach((action, row) => {
    const color = scale(value(action));
    const top = cy - inner / 2 + row * band;
    ctx.fillStyle = css(color);
    ctx.fillRect(cx - inner / 2, top, inner, Math.max(band - (band > 4 ? 1 : 0), 0.5));
    if (band < 10) return;
    const name = has_names ? names[action] : short(names[action]);
    label(ctx, has_figures ? `${name} ${number(value(action), 2)}` : name, cx, top + band / 2, height, ink(color));
  });
}
