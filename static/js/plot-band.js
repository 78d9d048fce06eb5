// @ts-check
// The range of a rule of thumb as a shaded band behind a curve.

import { token } from "./colors.js";

/** @typedef {[number | null, number | null]} Healthy an end that is null is open */

/** @param {any} u @param {Healthy | null} healthy */
export function shade(u, healthy) {
  if (!healthy) return;
  const { ctx, bbox } = u;
  const [top, bottom] = [bbox.top, bbox.top + bbox.height];
  const place = (/** @type {number | null} */ value, /** @type {number} */ open) => {
    const at = value === null ? open : u.valToPos(value, "y", true);
    return Number.isFinite(at) ? Math.min(Math.max(at, top), bottom) : open; // 0 has no place on a logarithmic axis
  };
  const [high, low] = [place(healthy[1], top), place(healthy[0], bottom)];
  ctx.save();
  ctx.globalAlpha = 0.14;
  ctx.fillStyle = token("--good");
  ctx.fillRect(bbox.left, high, bbox.width, low - high);
  ctx.restore();
}
