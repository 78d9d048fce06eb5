// @ts-check
// What a logarithmic axis has no place for: 0, as a mark at its lower edge and in words.

import { t } from "./text.js";

const [HALF, HIGH, APART] = [3.5, 6, 8]; // CSS pixels

/** The places of marks, so many that each can be seen. @param {number[]} places rising, in CSS pixels @returns {number[]} */
export const thinned = (places) => places.reduce((/** @type {number[]} */ kept, at) => (kept.length && at - kept[kept.length - 1] < APART ? kept : [...kept, at]), []);

/** Mark where curves reach 0. @param {any} u @param {number[][]} zeros places on the x axis, curve by curve @param {(index: number) => string} color */
export function markZeros(u, zeros, color) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio || 1;
  const [left, right, bottom] = [bbox.left / ratio, (bbox.left + bbox.width) / ratio, (bbox.top + bbox.height) / ratio];
  ctx.save();
  ctx.scale(ratio, ratio);
  zeros.forEach((places, index) => {
    ctx.fillStyle = color(index);
    const seen = places.map((at) => u.valToPos(at, "x", true) / ratio).filter((at) => at >= left && at <= right);
    for (const at of thinned(seen)) {
      ctx.beginPath();
      ctx.moveTo(at - HALF, bottom - HIGH);
      ctx.lineTo(at + HALF, bottom - HIGH);
      ctx.lineTo(at, bottom);
      ctx.fill();
    }
  });
  ctx.restore();
}

/** What is said of the marks; nothing where there are none. @param {{zeros: number[], x: number[]}[]} curves */
export function zerosTold(curves) {
  const [count, points] = [curves.reduce((sum, { zeros }) => sum + zeros.length, 0), curves.reduce((sum, { x }) => sum + x.length, 0)];
  return count ? t("▾ at the lower edge: {count} of {points} points reach 0, which has no place on a logarithmic axis", { count, points }) : "";
}
