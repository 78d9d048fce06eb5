// @ts-check
// Worlds of few physical numbers, drawn as they are: CartPole, MountainCar, Pendulum, Acrobot.

import { token } from "./colors.js";
import { disc } from "./grid-glyphs.js";

/** @typedef {CanvasRenderingContext2D} Ctx */
/** @typedef {{w: number, h: number}} Size */

const TRACK = 2.4;
const POLE = 1.0;
const HILL = [-1.2, 0.6];
const REACH = 2.25; // two links of Acrobot and some room

/** @param {Ctx} ctx @param {string} color @param {number} width @param {number[][]} points */
export function stroke(ctx, color, width, points) {
  ctx.strokeStyle = token(color);
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(x, y);
  ctx.stroke();
}

/** @param {Ctx} ctx @param {string} color @param {number[][]} points */
export function fill(ctx, color, points) {
  ctx.fillStyle = token(color);
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(x, y);
  ctx.fill();
}

/** @param {Ctx} ctx @param {Size} size @param {number[]} state */
export function cartpole(ctx, { w, h }, [x, , theta]) {
  const unit = Math.min(w / (2 * TRACK + 0.8), h / 1.9);
  const ground = h * 0.82;
  const cx = w / 2 + x * unit;
  stroke(ctx, "--scene-ground", 2, [[w / 2 - TRACK * unit, ground], [w / 2 + TRACK * unit, ground]]);
  for (const edge of [-TRACK, TRACK]) stroke(ctx, "--scene-ground", 2, [[w / 2 + edge * unit, ground - 7], [w / 2 + edge * unit, ground + 7]]);
  ctx.fillStyle = token("--scene-body");
  ctx.beginPath();
  ctx.roundRect(cx - unit * 0.26, ground - unit * 0.2, unit * 0.52, unit * 0.2, unit * 0.05);
  ctx.fill();
  const top = ground - unit * 0.2;
  stroke(ctx, "--scene-joint", Math.max(4, unit * 0.09), [[cx, top], [cx + Math.sin(theta) * unit * POLE, top - Math.cos(theta) * unit * POLE]]);
  disc(ctx, cx, top, Math.max(2.5, unit * 0.045), "--surface");
}

/** A car on its hill, the flag at `goal`. @param {number} goal */
export const car = (goal) => (/** @type {Ctx} */ ctx, /** @type {Size} */ { w, h }, /** @type {number[]} */ [position], /** @type {number[][]} */ trail) => {
  const across = (/** @type {number} */ x) => 10 + ((x - HILL[0]) / (HILL[1] - HILL[0])) * (w - 20);
  const up = (/** @type {number} */ x) => h - 14 - (Math.sin(3 * x) * 0.45 + 0.55) * (h - 52);
  const outline = Array.from({ length: 81 }, (_unused, i) => HILL[0] + (i / 80) * (HILL[1] - HILL[0]));
  const crest = outline.map((x) => [across(x), up(x)]);
  fill(ctx, "--surface-3", [...crest, [across(HILL[1]), h], [across(HILL[0]), h]]);
  stroke(ctx, "--scene-ground", 2, crest);
  stroke(ctx, "--good", 2, [[across(goal), up(goal)], [across(goal), up(goal) - 26], [across(goal) + 13, up(goal) - 21], [across(goal), up(goal) - 16]]);
  ctx.globalAlpha = 0.3;
  for (const [x] of trail.slice(-24)) disc(ctx, across(x), up(x) - 6, 2.5);
  ctx.globalAlpha = 1;
  ctx.save();
  ctx.translate(across(position), up(position));
  ctx.rotate(Math.atan2(up(position + 0.01) - up(position - 0.01), across(position + 0.01) - across(position - 0.01)));
  ctx.fillStyle = token("--scene-body");
  ctx.beginPath();
  ctx.roundRect(-14, -15, 28, 10, 3);
  ctx.fill();
  for (const x of [-8, 8]) disc(ctx, x, -4, 4, "--scene-joint");
  ctx.restore();
};

/** Seen are cosine and sine of the angle from upright, which grows to the left. @param {Ctx} ctx @param {Size} size @param {number[]} state @param {number[][]} trail */
export function pendulum(ctx, { w, h }, [cos, sin], trail) {
  const unit = Math.min(w, h) / 2.4;
  const [cx, cy] = [w / 2, h / 2];
  const long = Math.hypot(cos, sin) || 1; // half-way between two angles the mean is too short
  const tip = (/** @type {number[]} */ [c, s]) => [cx - s * unit, cy - c * unit];
  ctx.globalAlpha = 0.3;
  ctx.strokeStyle = token("--scene-ground");
  ctx.setLineDash([3, 5]);
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.arc(cx, cy, unit, 0, 7);
  ctx.stroke();
  ctx.setLineDash([]);
  for (const one of trail.slice(-16)) disc(ctx, ...pair(tip(one)), 3);
  ctx.globalAlpha = 1;
  stroke(ctx, "--good", 2, [[cx, cy - unit * 1.02], [cx, cy - unit * 1.14]]);
  const end = tip([cos / long, sin / long]);
  stroke(ctx, "--scene-joint", Math.max(6, unit * 0.14), [[cx, cy], end]);
  disc(ctx, cx, cy, Math.max(3, unit * 0.06), "--scene-body");
}

/** Seen are cosine and sine of both angles; the first is 0 hanging, the second relative to it. @param {Ctx} ctx @param {Size} size @param {number[]} state @param {number[][]} trail */
export function acrobot(ctx, { w, h }, state, trail) {
  const unit = Math.min(w, h) / (2 * REACH);
  const at = (/** @type {number} */ x, /** @type {number} */ y) => [w / 2 + x * unit, h / 2 - y * unit];
  const joints = (/** @type {number[]} */ [c1, s1, c2, s2]) => {
    const [first, both] = [Math.atan2(s1, c1), Math.atan2(s1, c1) + Math.atan2(s2, c2)];
    const [x, y] = [Math.sin(first), -Math.cos(first)];
    return [at(x, y), at(x + Math.sin(both), y - Math.cos(both))];
  };
  ctx.setLineDash([6, 5]);
  stroke(ctx, "--good", 2, [at(-REACH, 1), at(REACH, 1)]);
  ctx.setLineDash([]);
  ctx.globalAlpha = 0.3;
  for (const one of trail.slice(-16)) disc(ctx, ...pair(joints(one)[1]), 2.5);
  ctx.globalAlpha = 1;
  const [elbow, tip] = joints(state);
  stroke(ctx, "--scene-body", Math.max(5, unit * 0.16), [at(0, 0), elbow]);
  stroke(ctx, "--scene-joint", Math.max(5, unit * 0.16), [elbow, tip]);
  for (const [x, y] of [at(0, 0), elbow]) disc(ctx, x, y, Math.max(2, unit * 0.06), "--surface");
}

/** @param {number[]} point @returns {[number, number]} */
export const pair = (point) => [point[0], point[1]];
