// @ts-check
// MiniGrid as the agent sees it: seven by seven cells ahead of it, itself at the foot of the picture looking up.

import { token } from "./colors.js";
import { disc, dot, flag, label } from "./grid-glyphs.js";

const SIDE = 7;
const [UNSEEN, WALL, DOOR, KEY, GOAL, LAVA] = [0, 2, 4, 5, 8, 9];
const LOCKED = 2;

/** @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {number[]} state */
export function minigrid(ctx, { w, h }, state) {
  const size = Math.floor((h - 26) / SIDE);
  const [left, top] = [(w - size * SIDE) / 2, 4];
  for (let i = 0; i < SIDE * SIDE; i++) {
    const [x, y] = [left + Math.floor(i / SIDE) * size, top + (i % SIDE) * size];
    const [what, , how] = state.slice(i * 3, i * 3 + 3).map((value) => Math.round(value * 10));
    ctx.fillStyle = token(what === UNSEEN ? "--surface-2" : what === WALL ? "--scene-ground" : "--surface-3");
    ctx.fillRect(x + 1, y + 1, size - 2, size - 2);
    if (what === GOAL) flag(ctx, x, y, size);
    if (what === LAVA) dot(ctx, x, y, size);
    if (what === KEY) disc(ctx, x + size / 2, y + size / 2, size * 0.18, "--scene-joint");
    if (what === DOOR) label(ctx, how === 0 ? "▯" : how === LOCKED ? "▮" : "▥", x + size / 2, y + size / 2, size * 0.7, token("--scene-joint"));
  }
  const [cx, cy] = [left + 3.5 * size, top + 6.5 * size];
  ctx.fillStyle = token("--accent");
  ctx.beginPath();
  ctx.moveTo(cx, cy - size * 0.32);
  ctx.lineTo(cx + size * 0.26, cy + size * 0.28);
  ctx.lineTo(cx - size * 0.26, cy + size * 0.28);
  ctx.fill();
}
