// @ts-check
// Worlds drawn from states: which picture belongs to which name, how long a step of it lasts, and what it leaves out.

import { token } from "./colors.js";
import { cards, grid, taxi } from "./grid-scenes.js";
import { halfCheetah, hopper, invertedPendulum } from "./scenes-bodies.js";
import { lander, walker } from "./scenes-box2d.js";
import { acrobot, car, cartpole, pendulum } from "./scenes-classic.js";
import { numbers } from "./scenes-plain.js";
import { minigrid } from "./scenes-room.js";
import { t } from "./text.js";

/** @typedef {{drawing: string, rows?: number, cols?: number, cells?: string, actions?: string[], labels?: string[], walls?: number[][], cell_states?: number[][], has_film?: boolean}} Scene */
/** @typedef {(ctx: CanvasRenderingContext2D, size: {w: number, h: number}, state: number[], trail: number[][]) => void} Picture */

/** @type {Record<string, Picture>} */
const PICTURES = {
  acrobot, cartpole, half_cheetah: halfCheetah, hopper, inverted_pendulum: invertedPendulum, lander, minigrid,
  mountain_car: car(0.5), mountain_car_continuous: car(0.45), numbers, pendulum, walker,
};

/** Milliseconds a step is shown: as fast as gymnasium shows it, and slower where one looks at single steps. @type {Record<string, number>} */
const STEP_MS = { acrobot: 66, cards: 1200, cartpole: 20, grid: 260, half_cheetah: 50, hopper: 8, inverted_pendulum: 40, lander: 20, minigrid: 200, mountain_car: 33, mountain_car_continuous: 33, pendulum: 33, taxi: 260, walker: 20 };
const OTHER_MS = 50;

/** What a picture leaves out. @type {Record<string, () => string>} */
const NOTES = {
  half_cheetah: () => t("drawn from what the agent sees: the marks on the ground pass by as fast as it moves"),
  hopper: () => t("drawn from what the agent sees: the marks on the ground pass by as fast as it moves"),
  lander: () => t("drawn from what the agent sees: the hills beside the pad are not part of it"),
  minigrid: () => t("what the agent sees: the cells ahead, itself at the foot looking up"),
  numbers: () => t("the numbers that the agent sees; this world has no picture of its own here"),
  walker: () => t("drawn from what the agent sees: the ground ahead is where its rays touch"),
};

/** How long a step of a replay is shown. @param {{drawing?: string} | null} scene */
export const stepMs = (scene) => STEP_MS[scene?.drawing ?? "grid"] ?? OTHER_MS;

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
  PICTURES[scene.drawing]?.(ctx, size, between, moment.trail);
  const note = NOTES[scene.drawing];
  if (note) caption(ctx, size, note());
}

/** @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {string} text */
function caption(ctx, { w, h }, text) {
  ctx.fillStyle = token("--muted");
  ctx.font = "11px system-ui, sans-serif";
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(text, 8, h - 6, w - 16);
}
