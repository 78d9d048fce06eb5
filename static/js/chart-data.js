// @ts-check
// What a chart draws: a run's curve on the chart's x axis, smoothed as it asks.

import { WINDOWS, along, smooth, together, widthFor } from "./curves.js";
import { curvesOf } from "./series.js";

const SCALES = { episode: "rollout/episodes", time: "time/run_clock" };

/** The scalar that is the chart's x axis, or nothing where that is the step. @param {Element} chart */
export const scaleOf = (chart) => SCALES[/** @type {keyof SCALES} */ (chart.getAttribute("axis") ?? "")];

/** Where steps of a run lie on a chart's x axis. @param {number} run @param {Element} chart @param {number[]} steps */
export function placesOn(run, chart, steps) {
  const scale = curvesOf(run).curves.get(scaleOf(chart) ?? "");
  return scale ? along(steps, scale) : steps;
}

/** The dashed lines of a chart: what its world is known for, and what its scalar is held against. @param {Element} chart @returns {import("./worlds.js").Line[]} */
export const linesOf = (chart) => ["references", "lines"].flatMap((name) => JSON.parse(chart.getAttribute(name) || "[]"));

/** The dashed lines, each from place to place on the x axis where it holds for a part of a run: its own, or the chart's. @param {number} run @param {Element} chart */
export function linesOn(run, chart) {
  const place = (/** @type {number | null | undefined} */ step, of = run) => (typeof step === "number" ? placesOn(of, chart, [step])[0] : null);
  return linesOf(chart).map((line) => ({ ...line, from: place(line.from_step, line.run), to: place(line.to_step, line.run) }));
}

/** What a chart draws of a run; `zeros` is where a logarithmic axis has no place for what was measured. @param {number} run @param {Element} chart */
export function drawn(run, chart) {
  const found = together(curvesOf(run).curves.get(chart.getAttribute("scalar") ?? "") ?? { steps: [], values: [], min: [], max: [] });
  const is_log = chart.hasAttribute("log");
  const positive = (/** @type {(number|null)[]} */ list) => (is_log ? list.map((v) => (v !== null && v > 0 ? v : null)) : list);
  const y = smooth(positive(found.values), widthFor(WINDOWS[Number(chart.getAttribute("smooth") ?? 0)] ?? 1, found.values.length));
  const x = placesOn(run, chart, found.steps);
  const zeros = is_log ? x.filter((_at, i) => (found.min[i] ?? found.values[i] ?? 1) <= 0) : [];
  return { x, y, min: positive(found.min), max: positive(found.max), raw: found, zeros };
}
