// @ts-check
// A world of which only numbers are known: every number that is seen as a bar, up or down from the middle.

import { token } from "./colors.js";

const MOST_GAP = 3;
const TRAIL = 200;

/** @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {number[]} state @param {number[][]} trail */
export function numbers(ctx, { w, h }, state, trail) {
  const [left, top, wide, high] = [10, 10, w - 20, h - 34];
  const middle = top + high / 2;
  const each = wide / Math.max(1, state.length);
  const gap = Math.min(MOST_GAP, each * 0.2);
  const reach = state.map((_unused, i) => [state, ...trail.slice(-TRAIL)].reduce((most, one) => Math.max(most, Math.abs(one[i] ?? 0)), 1));
  state.forEach((value, i) => {
    const tall = (value / reach[i]) * (high / 2);
    ctx.fillStyle = token(value < 0 ? "--scene-joint" : "--accent");
    ctx.fillRect(left + i * each + gap / 2, Math.min(middle, middle - tall), Math.max(1, each - gap), Math.max(1, Math.abs(tall)));
  });
  ctx.fillStyle = token("--scene-ground");
  ctx.fillRect(left, middle - 0.5, wide, 1);
}
