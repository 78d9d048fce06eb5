// @ts-check
// Worlds of numbered states with their agent: a grid, a taxi and its passenger, a hand of cards.

import { token } from "./colors.js";
import { cells, corner, place, walls } from "./grid-draw.js";
import { disc, flag, label } from "./grid-glyphs.js";
import { placeOf } from "./grid-planes.js";
import { t } from "./text.js";

/** @typedef {{state: number[], next: number[], share: number, trail: number[][]}} Moment */
/** @typedef {import("./scenes.js").Scene} Scene */

const IN_TAXI = 4;
const NATURAL = 31;

/** The bare cells in the middle of a canvas. @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {Scene} scene */
function ground(ctx, { w, h }, scene) {
  const meta = { rows: scene.rows ?? 1, cols: scene.cols ?? 1, cells: scene.cells ?? "", actions: scene.actions ?? [], labels: scene.labels };
  const at = place(meta, w - 16, h - 16);
  at.left += 8;
  at.top = (h - at.size * meta.rows) / 2;
  cells(ctx, meta, at, () => null);
  walls(ctx, { ...meta, walls: scene.walls }, at);
  const middle = (/** @type {number} */ cell) => corner(meta, at, cell).map((value) => value + at.size / 2);
  return { size: at.size, middle, corner: (/** @type {number} */ cell) => corner(meta, at, cell) };
}

/** @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {Scene} scene @param {Moment} moment */
export function grid(ctx, size, scene, { state, next, share, trail }) {
  const at = ground(ctx, size, scene);
  const cellOf = (/** @type {number[]} */ one) => placeOf(scene, one[0]);
  walked(ctx, at, trail.map(cellOf));
  const [from, to] = [cellOf(state), cellOf(next)];
  if (from === null || to === null) return;
  const [x, y] = between(at.middle(from), at.middle(to), share);
  disc(ctx, x, y, at.size * 0.27);
}

/** State ((row · 5 + column) · 5 + passenger) · 4 + destination. @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {Scene} scene @param {Moment} moment */
export function taxi(ctx, size, scene, { state, next, share, trail }) {
  const at = ground(ctx, size, scene);
  const cell = (/** @type {number[]} */ one) => Math.floor(one[0] / 20);
  const stands = (scene.labels ?? []).flatMap((name, index) => (name ? [index] : []));
  const [passenger, to] = [Math.floor(state[0] / 4) % 5, state[0] % 4];
  walked(ctx, at, trail.map(cell));
  const [fx, fy] = at.corner(stands[to]);
  flag(ctx, fx + at.size * 0.3, fy + at.size * 0.28, at.size * 0.7);
  const [x, y] = between(at.middle(cell(state)), at.middle(cell(next)), share);
  ctx.fillStyle = token("--accent");
  ctx.beginPath();
  ctx.roundRect(x - at.size * 0.32, y - at.size * 0.2, at.size * 0.64, at.size * 0.4, at.size * 0.1);
  ctx.fill();
  const [px, py] = passenger === IN_TAXI ? [x, y] : at.middle(stands[passenger]).map((value, axis) => value + at.size * (axis ? 0.25 : -0.22));
  disc(ctx, px, py, at.size * 0.13, "--scene-joint");
}

/** State (sum · 11 + dealer) · 2 + usable ace. @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {Moment} moment */
export function cards(ctx, { w, h }, { state }) {
  const [total, dealer, has_ace] = [Math.floor(state[0] / 22), Math.floor(state[0] / 2) % 11, state[0] % 2 === 1];
  const is_natural = total === NATURAL && has_ace;
  const height = Math.min(h * 0.52, 110);
  const words = is_natural ? t("ace and ten") : total > 21 ? t("over 21") : has_ace ? t("with a usable ace") : t("no usable ace");
  const hands = [
    { name: t("Dealer shows"), text: dealer === 1 ? "A" : String(dealer), note: t("one card hidden") },
    { name: t("Player has"), text: String(is_natural ? 21 : total), note: words },
  ];
  hands.forEach(({ name, text, note }, index) => {
    const x = w * (index ? 0.74 : 0.26);
    const top = (h - height) / 2;
    ctx.fillStyle = token(index ? "--accent" : "--cell-wall");
    ctx.beginPath();
    ctx.roundRect(x - height * 0.36, top, height * 0.72, height, height * 0.08);
    ctx.fill();
    label(ctx, text, x, h / 2, height * 0.42, token("--surface"));
    label(ctx, name, x, top - 14, 12, token("--text"));
    label(ctx, note, x, top + height + 14, 11, token("--muted"));
  });
}

/** Where the agent came from. @param {CanvasRenderingContext2D} ctx @param {ReturnType<typeof ground>} at @param {(number | null)[]} visited */
function walked(ctx, at, visited) {
  ctx.strokeStyle = token("--accent");
  ctx.globalAlpha = 0.35;
  ctx.lineWidth = Math.max(2, at.size * 0.08);
  ctx.lineJoin = "round";
  ctx.beginPath();
  for (const cell of visited) {
    if (cell === null) continue;
    const [x, y] = at.middle(cell);
    ctx.lineTo(x, y);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** @param {number[]} from @param {number[]} to @param {number} share */
const between = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);
