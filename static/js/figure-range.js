// @ts-check
// From values to places: the range of a figure's axis, and where a value lies in it.

import { extent } from "./curves.js";

/** @typedef {import("./figure-draw.js").Axis} Axis */
/** @typedef {import("./figure-draw.js").Figure} Figure */

/** @param {Axis} axis @param {[number, number]} range @returns {(value: number) => number} */
export function scaled(axis, [low, high]) {
  if (!axis.log) return (value) => (value - low) / (high - low);
  const [from, to] = [Math.log(low), Math.log(high)];
  return (value) => (Math.log(Math.max(value, low)) - from) / (to - from);
}

/** @param {Figure} figure @param {Record<string, Float32Array>} arrays @param {"x" | "y"} which @returns {[number, number]} */
export function rangeOf(figure, arrays, which) {
  const axis = figure[which];
  const values = figure.marks.flatMap((mark) => {
    const own = [...(arrays[mark[which]] ?? []), ...(which === "y" && mark.low ? arrays[mark.low] : [])];
    if (mark.kind !== "bars") return own;
    return which === "y" ? [0, ...own] : own.flatMap((value) => [value - (mark.width ?? 0) / 2, value + (mark.width ?? 0) / 2]);
  });
  const ruled = (figure.rules ?? []).map((rule) => rule[which]).filter((value) => value !== undefined);
  const found = extent((axis.log ? (/** @type {number[]} */ all) => all.filter((value) => value > 0) : (/** @type {number[]} */ all) => all)([...values, ...ruled])) ?? (axis.log ? [0.1, 1] : [0, 1]);
  let [low, high] = [axis.low ?? found[0], axis.high ?? found[1]];
  if (!(high > low)) [low, high] = axis.log ? [low / 2, low * 2 || 1] : axis.low !== undefined ? [low, low + 1] : [low - (Math.abs(low) || 1) / 2, low + (Math.abs(low) || 1) / 2];
  if (which === "y" && axis.high === undefined && !axis.log) high += (high - low) * 0.05;
  return [low, high];
}
