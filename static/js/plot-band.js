// @ts-check
// The range of a rule of thumb as a shaded band behind a curve.

import { token } from "./colors.js";
import { tick } from "./format.js";
import { t } from "./text.js";

/** @typedef {[number | null, number | null]} Healthy an end that is null is open */

const EDGE = 3; // CSS pixels
const SEEN = 0.12; // of the height: what a band shows at least, where the curve comes near it

/** A range widened so that a band shows that is not far away. @param {[number, number]} range @param {Healthy | null} healthy @returns {[number, number]} */
export function reaching([low, high], healthy) {
  const span = high - low || Math.abs(high) || 1;
  const [from, to] = [healthy?.[0] ?? null, healthy?.[1] ?? null];
  if (from !== null && from >= high && from < high + 2 * span) return [low, from + SEEN * (from - low)];
  if (to !== null && to <= low && to > low - 2 * span) return [to - SEEN * (high - to), high];
  return [low, high];
}

/** What share of its axis a band has to fill to be seen as one. @param {any} u */
export const leastOf = (u) => (EDGE * devicePixelRatio) / u.bbox.height;

/**
 * What to say of a band of which an edge is not on the axis, or that is too thin to be seen, and at which end of it; nothing where both are seen.
 * @param {[number, number]} axis @param {Healthy | null} healthy @param {number} [least] of the axis @returns {{text: string, is_above: boolean} | null}
 */
export function beyond([low, high], healthy, least = 0) {
  const [from, to] = [healthy?.[0] ?? -Infinity, healthy?.[1] ?? Infinity];
  const name = from === -Infinity ? `≤ ${tick(to)}` : to === Infinity ? `≥ ${tick(from)}` : t("{low} to {high}", { low: tick(from), high: tick(to) });
  const [bottom, top] = [Math.max(from, low), Math.min(to, high)];
  const is_above = bottom + top > low + high;
  if (top - bottom <= least * (high - low)) return { text: is_above ? t("{band} lies above", { band: name }) : t("{band} lies below", { band: name }), is_above };
  const [is_over, is_under] = [to > high && to < Infinity, from < low && from > -Infinity];
  if (is_over && is_under) return { text: t("all of it within {band}", { band: name }), is_above: true };
  if (is_over) return { text: t("goes on up to {value}", { value: tick(to) }), is_above: true };
  return is_under ? { text: t("goes on down to {value}", { value: tick(from) }), is_above: false } : null;
}

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
  const edge = EDGE * devicePixelRatio;
  if (low - high > edge) ctx.fillRect(bbox.left, high, bbox.width, low - high);
  else {
    ctx.globalAlpha = 0.6; // the band is far off, or thin beside what is drawn: a strip says where
    ctx.fillRect(bbox.left, Math.min(Math.max((high + low - edge) / 2, top), bottom - edge), bbox.width, edge);
  }
  ctx.restore();
}
