// @ts-check
// Gymnasium's Box2D worlds as far as the agent sees them: a lander above its pad, a walker and the ground its rays touch.

import { disc } from "./grid-glyphs.js";
import { fill, stroke } from "./scenes-classic.js";

/** @typedef {CanvasRenderingContext2D} Ctx */
/** @typedef {{w: number, h: number}} Size */

const CRAFT = [[-14, 17], [-17, 0], [-17, -10], [17, -10], [17, 0], [14, 17]];
const VIEW = { w: 20, h: 13.4, half_w: 10, half_h: 20 / 3, leg: 0.6, pad: 3.4 }; // metres; `pad` is the height of the ground
const PIXEL = 1 / 30; // metres
const HULL = [[-30, 9], [6, 9], [34, 1], [34, -8], [-30, -8]];
const [HIP, LEG, RANGE] = [-8 * PIXEL, 34 * PIXEL, 160 * PIXEL];
const [AHEAD, UP] = [1 / 6, 1 / 4]; // metres a step for a speed of 1 as it is seen
const [RAYS, FIRST_RAY] = [10, 14];
const WALKED = 160;

/** Where points of a body lie: turned by its angle, moved to its place. @param {number[][]} points @param {number} angle @param {number[]} place @param {number} unit */
function placed(points, angle, [x, y], unit) {
  const [cos, sin] = [Math.cos(angle) * unit, Math.sin(angle) * unit];
  return points.map(([px, py]) => [x + px * cos - py * sin, y - px * sin - py * cos]);
}

/** @param {Ctx} ctx @param {Size} size @param {number[]} state @param {number[][]} trail */
export function lander(ctx, { w, h }, [x, y, , , angle, , left, right], trail) {
  const unit = Math.min(w / VIEW.w, h / VIEW.h, h / (y * VIEW.half_h + VIEW.pad)); // it may rise out of gymnasium's view
  const ground = h - VIEW.pad * unit * 0.5;
  const at = (/** @type {number[]} */ [px, py]) => [w / 2 + px * VIEW.half_w * unit, ground - (py * VIEW.half_h + VIEW.leg) * unit];
  stroke(ctx, "--scene-ground", 2, [[w / 2 - 2 * unit, ground], [w / 2 + 2 * unit, ground]]);
  for (const side of [-2, 2]) {
    const pole = w / 2 + side * unit;
    stroke(ctx, "--good", 2, [[pole, ground], [pole, ground - 1.5 * unit], [pole + 0.8 * unit, ground - 1.2 * unit], [pole, ground - 0.9 * unit]]);
  }
  ctx.globalAlpha = 0.4;
  stroke(ctx, "--accent", 1.5, trail.map(at));
  ctx.globalAlpha = 1;
  const place = at([x, y]);
  for (const [side, touches] of [[-1, left], [1, right]]) {
    const leg = placed([[side * 14, -8], [side * 22, -16]], angle, place, unit * PIXEL);
    stroke(ctx, touches > 0.5 ? "--good" : "--scene-joint", Math.max(2, unit * 0.15), leg);
    const foot = placed([[side * 18, -17], [side * 26, -17]], angle, place, unit * PIXEL);
    stroke(ctx, touches > 0.5 ? "--good" : "--scene-joint", Math.max(2, unit * 0.12), foot);
  }
  fill(ctx, "--scene-body", placed(CRAFT, angle, place, unit * PIXEL));
}

/** @param {Ctx} ctx @param {Size} size @param {number[]} state @param {number[][]} trail */
export function walker(ctx, { w, h }, state, trail) {
  const unit = Math.min(w / 11, h / 5.6);
  const place = [w * 0.38, h * 0.42];
  const at = (/** @type {number[]} */ [px, py]) => [place[0] + px * unit, place[1] - py * unit];
  const below = (/** @type {number[]} */ one) => one[FIRST_RAY] * RANGE;
  const rays = state.slice(FIRST_RAY, FIRST_RAY + RAYS).map((share, i) => ({ share, end: [share * RANGE * Math.sin(0.15 * i), -share * RANGE * Math.cos(0.15 * i)] }));
  const behind = footprints(trail, below);
  const start = behind[0] ?? [-4, -below(state)];
  const ahead = rays.filter(({ share }) => share < 1).map(({ end }) => end);
  ctx.globalAlpha = 0.35;
  for (const { end } of rays) stroke(ctx, "--accent", 1, [place, at(end)]);
  ctx.globalAlpha = 1;
  stroke(ctx, "--scene-ground", 3, [[-9, start[1]], ...behind, ...ahead].map(at));
  const angle = state[0];
  const hip = [-Math.sin(angle) * HIP, Math.cos(angle) * HIP];
  limb(ctx, unit, at, { hip, upper: angle + state[4], knee: state[6] - 1, touches: state[8], color: "--scene-ground" });
  fill(ctx, "--scene-body", placed(HULL, angle, place, unit * PIXEL));
  limb(ctx, unit, at, { hip, upper: angle + state[9], knee: state[11] - 1, touches: state[13], color: "--scene-joint" });
}

/** The ground passed lately, from speeds and the ray that points down. @param {number[][]} trail @param {(state: number[]) => number} below @returns {number[][]} */
function footprints(trail, below) {
  /** @type {number[][]} */
  const points = [];
  let [x, y] = [0, 0];
  for (let i = trail.length - 1; i >= 0 && points.length < WALKED; i--) {
    points.unshift([x, y - below(trail[i])]);
    [x, y] = [x - trail[i][2] * AHEAD, y - trail[i][3] * UP];
  }
  return points;
}

/** @param {Ctx} ctx @param {number} unit @param {(point: number[]) => number[]} at @param {{hip: number[], upper: number, knee: number, touches: number, color: string}} leg */
function limb(ctx, unit, at, { hip, upper, knee, touches, color }) {
  const lower = upper + knee;
  const bend = [hip[0] + Math.sin(upper) * LEG, hip[1] - Math.cos(upper) * LEG];
  const foot = [bend[0] + Math.sin(lower) * LEG, bend[1] - Math.cos(lower) * LEG];
  stroke(ctx, color, unit * 0.25, [at(hip), at(bend)]);
  stroke(ctx, color, unit * 0.2, [at(bend), at(foot)]);
  if (touches > 0.5) disc(ctx, at(foot)[0], at(foot)[1], unit * 0.13, "--good");
}
