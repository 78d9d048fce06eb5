// @ts-check
// The traces of a learner as dots on its map of values: how much each cell takes part in the next update.

import { token } from "./colors.js";
import { corner } from "./grid-draw.js";

const LEAST = 1e-3; // of the largest: what is less is not drawn
const LARGEST = 0.11; // radius, as a share of a cell

/** Whether a frame has traces, and some cell takes part. @param {Record<string, Float32Array>} arrays */
export const hasTraces = ({ v, eligibility }) => Boolean(v && eligibility?.some((one) => one > 0));

/**
 * One dot a cell in its upper right corner; its area grows with the trace.
 * @param {CanvasRenderingContext2D} ctx @param {import("./grid-draw.js").Meta} meta @param {import("./grid-draw.js").Place} at @param {Float32Array} eligibility
 */
export function traces(ctx, meta, at, eligibility) {
  const most = eligibility.reduce((high, one) => (one > high ? one : high), 0);
  ctx.lineWidth = 1.5;
  ctx.fillStyle = token("--warn");
  ctx.strokeStyle = token("--surface");
  for (let cell = 0; cell < meta.rows * meta.cols; cell++) {
    const share = eligibility[cell] / most;
    if (!(share > LEAST)) continue;
    const [x, y] = corner(meta, at, cell);
    const radius = Math.max(1.5, at.size * LARGEST * Math.sqrt(share));
    ctx.beginPath();
    ctx.arc(x + at.size * 0.84, y + at.size * 0.16, radius, 0, 7);
    ctx.fill();
    ctx.stroke();
  }
}
