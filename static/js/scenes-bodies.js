// @ts-check
// MuJoCo's bodies of rods, from heights and angles that the agent sees: InvertedPendulum, Hopper, HalfCheetah.

import { disc } from "./grid-glyphs.js";
import { stroke } from "./scenes-classic.js";

/** @typedef {CanvasRenderingContext2D} Ctx */
/** @typedef {{w: number, h: number}} Size */
/**
 * A rod hangs at a joint of another: `at` in the other's frame, `angle` the number that turns it (`sign` the way it turns),
 * `middle` and half `long` of the rod in its own frame, `tilt` from upright. Metres and radians, as gymnasium's models have them.
 * @typedef {{on: number, at: number[], angle: number, sign: number, middle: number[], tilt: number, long: number}} Rod
 */

const [RAIL, POLE, MARKS] = [1, 0.6, 0.5];

/** @type {(on: number, at: number[], angle: number, sign: number, middle: number[], tilt: number, long: number) => Rod} */
const rod = (on, at, angle, sign, middle, tilt, long) => ({ on, at, angle, sign, middle, tilt, long });
export const HOPPER = [
  rod(-1, [0, 0], 1, 1, [0, 0], 0, 0.2),
  rod(0, [0, -0.2], 2, -1, [0, -0.225], 0, 0.225),
  rod(1, [0, -0.45], 3, -1, [0, -0.25], 0, 0.25),
  rod(2, [0, -0.5], 4, -1, [0.065, 0], Math.PI / 2, 0.195),
];
const CHEETAH = [
  rod(-1, [0, 0], 1, 1, [0, 0], Math.PI / 2, 0.5),
  rod(-1, [0, 0], 1, 1, [0.6, 0.1], 0.87, 0.15),
  rod(0, [-0.5, 0], 2, 1, [0.1, -0.13], -3.8, 0.145),
  rod(2, [0.16, -0.25], 3, 1, [-0.14, -0.07], -2.03, 0.15),
  rod(3, [-0.28, -0.14], 4, 1, [0.03, -0.097], -0.27, 0.094),
  rod(0, [0.5, 0], 5, 1, [-0.07, -0.12], 0.52, 0.133),
  rod(5, [-0.14, -0.24], 6, 1, [0.065, -0.09], -0.6, 0.106),
  rod(6, [0.13, -0.18], 7, 1, [0.045, -0.07], -0.6, 0.07),
];

/** A point turned by an angle about the axis that points away from the viewer. @param {number[]} point @param {number} angle */
const turned = ([x, z], angle) => [x * Math.cos(angle) + z * Math.sin(angle), z * Math.cos(angle) - x * Math.sin(angle)];

/** Both ends of every rod, the body's place at the origin. @param {Rod[]} rods @param {number[]} state @returns {number[][][]} */
export function endsOf(rods, state) {
  /** @type {{place: number[], angle: number}[]} */
  const frames = [];
  return rods.map(({ on, at, angle, sign, middle, tilt, long }) => {
    const base = frames[on] ?? { place: [0, 0], angle: 0 };
    const [dx, dz] = turned(at, base.angle);
    const own = { place: [base.place[0] + dx, base.place[1] + dz], angle: base.angle + sign * state[angle] };
    frames.push(own);
    return [-long, long].map((half) => {
      const [x, z] = turned([middle[0] + Math.sin(tilt) * half, middle[1] + Math.cos(tilt) * half], own.angle);
      return [own.place[0] + x, own.place[1] + z];
    });
  });
}

/** A body on its ground, which passes below by the speeds seen. @param {Rod[]} rods @param {{height: (state: number[]) => number, speed: number, step_s: number, tall: number}} body */
const figure = (rods, { height, speed, step_s, tall }) => (/** @type {Ctx} */ ctx, /** @type {Size} */ { w, h }, /** @type {number[]} */ state, /** @type {number[][]} */ trail) => {
  const unit = h / tall;
  const ground = h * 0.82;
  const way = trail.reduce((sum, one) => sum + one[speed] * step_s, 0);
  stroke(ctx, "--scene-ground", 2, [[0, ground], [w, ground]]);
  for (let mark = -((way % MARKS) + MARKS) * unit; mark < w + unit; mark += MARKS * unit) stroke(ctx, "--scene-ground", 2, [[mark, ground], [mark - 6, ground + 8]]);
  const at = (/** @type {number[]} */ [x, z]) => [w / 2 + x * unit, ground - (height(state) + z) * unit];
  endsOf(rods, state).forEach((ends, i) => stroke(ctx, i === 0 ? "--scene-body" : "--scene-joint", unit * 0.1, ends.map(at)));
};

export const hopper = figure(HOPPER, { height: (state) => state[0], speed: 5, step_s: 0.008, tall: 2.1 });
export const halfCheetah = figure(CHEETAH, { height: (state) => 0.7 + state[0], speed: 8, step_s: 0.05, tall: 1.8 });

/** @param {Ctx} ctx @param {Size} size @param {number[]} state */
export function invertedPendulum(ctx, { w, h }, [x, angle]) {
  const unit = Math.min(w / (2 * RAIL + 0.6), h / 1.1);
  const [cx, cy] = [w / 2 + x * unit, h * 0.78];
  stroke(ctx, "--scene-ground", 3, [[w / 2 - RAIL * unit, cy], [w / 2 + RAIL * unit, cy]]);
  stroke(ctx, "--scene-body", unit * 0.14, [[cx - unit * 0.1, cy], [cx + unit * 0.1, cy]]);
  stroke(ctx, "--scene-joint", unit * 0.07, [[cx, cy], [cx + Math.sin(angle) * POLE * unit, cy - Math.cos(angle) * POLE * unit]]);
  disc(ctx, cx, cy, unit * 0.03, "--surface");
}
