// @ts-check
// Worlds drawn from states: a grid with its agent, a taxi, a hand of cards, CartPole, MountainCar.

import { token } from "./colors.js";
import { disc } from "./grid-glyphs.js";
import { cards, grid, taxi } from "./grid-scenes.js";

/** @typedef {{drawing: string, rows?: number, cols?: number, cells?: string, actions?: string[], labels?: string[], walls?: number[][], cell_states?: number[][]}} Scene */

const TRACK = 2.4;
const POLE = 1.0;
const HILL = [-1.2, 0.6];
const GOAL = 0.5;

/**
 * Draw a world.
 * @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {Scene} scene
 * @param {{state: number[], next: number[], share: number, trail: number[][]}} moment `share` of the way from state to next
 */
export function drawScene(ctx, size, scene, moment) {
  if (scene.drawing === "grid") return grid(ctx, size, scene, moment);
  if (scene.drawing === "taxi") return taxi(ctx, size, scene, moment);
  if (scene.drawing === "cards") return cards(ctx, size, moment);
  const between = moment.state.map((value, i) => value + (moment.next[i] - value) * moment.share);
  if (scene.drawing === "cartpole") return cartpole(ctx, size, between);
  if (scene.drawing === "mountain_car") return mountainCar(ctx, size, between, moment.trail);
}

/** @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {number[]} state */
function cartpole(ctx, { w, h }, [x, , theta]) {
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

/** @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {number[]} state @param {number[][]} trail */
function mountainCar(ctx, { w, h }, [position], trail) {
  const across = (/** @type {number} */ x) => 10 + ((x - HILL[0]) / (HILL[1] - HILL[0])) * (w - 20);
  const up = (/** @type {number} */ x) => h - 14 - (Math.sin(3 * x) * 0.45 + 0.55) * (h - 52);
  const outline = Array.from({ length: 81 }, (_unused, i) => HILL[0] + (i / 80) * (HILL[1] - HILL[0]));
  ctx.fillStyle = token("--surface-3");
  ctx.beginPath();
  for (const x of outline) ctx.lineTo(across(x), up(x));
  ctx.lineTo(across(HILL[1]), h);
  ctx.lineTo(across(HILL[0]), h);
  ctx.fill();
  stroke(ctx, "--scene-ground", 2, outline.map((x) => [across(x), up(x)]));
  stroke(ctx, "--good", 2, [[across(GOAL), up(GOAL)], [across(GOAL), up(GOAL) - 26], [across(GOAL) + 13, up(GOAL) - 21], [across(GOAL), up(GOAL) - 16]]);
  ctx.globalAlpha = 0.3;
  for (const [x] of trail.slice(-24)) disc(ctx, across(x), up(x) - 6, 2.5);
  ctx.globalAlpha = 1;
  const slope = Math.atan2(up(position + 0.01) - up(position - 0.01), across(position + 0.01) - across(position - 0.01));
  ctx.save();
  ctx.translate(across(position), up(position));
  ctx.rotate(slope);
  ctx.fillStyle = token("--scene-body");
  ctx.beginPath();
  ctx.roundRect(-14, -15, 28, 10, 3);
  ctx.fill();
  for (const x of [-8, 8]) disc(ctx, x, -4, 4, "--scene-joint");
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {string} color @param {number} width @param {number[][]} points */
function stroke(ctx, color, width, points) {
  ctx.strokeStyle = token(color);
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.beginPath();
  for (const point of points) ctx.lineTo(...pair(point));
  ctx.stroke();
}

/** @param {number[]} point @returns {[number, number]} */
const pair = (point) => [point[0], point[1]];
