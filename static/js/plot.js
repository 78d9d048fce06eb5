// @ts-check
// How a curve looks: options of uPlot, made from tokens; envelopes, dashed references, marks of edits.

import { token } from "./colors.js";
import { extent } from "./curves.js";
import { ticks } from "./format.js";
import { beyond, leastOf, reaching, shade } from "./plot-band.js";
import { annotate } from "./plot-notes.js";
import { markZeros } from "./plot-zeros.js";

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const MOST_DECADES = 12;
const FLAT = 1e-6;
const LABEL = 0.13; // of the height: room for words over the topmost line
const FONT = "11px system-ui, sans-serif";

/** @typedef {import("./plot-notes.js").Reference} Reference */
/** @typedef {import("./plot-notes.js").Mark} Mark */

/** @param {number} index */
export const color = (index) => token(`--series-${(index % 8) + 1}`);

/** Width of the labels of the upright axis. @param {any} _u @param {string[] | null} labels */
const room = (_u, labels) => Math.max(46, 12 + 6.4 * Math.max(0, ...(labels ?? []).map((label) => label.length)));

/** Dashes of a curve: where colours come again, they come with others. @param {number} index */
const dashes = (index) => DASHES[(index + Math.floor(index / 8)) % DASHES.length];

/**
 * @param {{width: number, height: number, curves: number, log: boolean, envelope: boolean, tall: boolean,
 *   healthy: import("./plot-band.js").Healthy | null, references: () => Reference[], marks: () => Mark[], zeros: () => number[][], drawn: () => void, moved: (index: number | null) => void}} look
 */
export function options(look) {
  const grid = { stroke: token("--line"), width: 1 };
  const axis = { stroke: token("--muted"), font: FONT, grid, ticks: { show: false }, border: { show: false } };
  const fill = faded(color(0), 0.16);
  const lines = Array.from({ length: look.curves }, (_unused, i) => ({
    stroke: color(i),
    width: look.tall ? 2 : 1.6,
    dash: look.curves > 1 ? dashes(i) : [],
    spanGaps: true,
    points: { show: (/** @type {any} */ u) => u.data[0].length < 2 }, // a single one is no line
  }));
  const bounds = look.envelope ? [1, 2].map(() => ({ stroke: faded(color(0), 0.42), width: 0.75, points: { show: false } })) : [];
  return {
    width: look.width,
    height: look.height,
    series: [{}, ...lines, ...bounds],
    bands: look.envelope ? [{ series: [3, 2], fill }] : [],
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false } },
    scales: {
      x: { time: false },
      y: look.log ? { distr: 3, range: (/** @type {any} */ u) => decades(u, look.references()) } : { range: (/** @type {any} */ u) => range(u, look.references(), look.healthy) },
    },
    axes: [
      { ...axis, size: 26, space: 60, values: (/** @type {any} */ _u, /** @type {number[]} */ at) => ticks(at) },
      { ...axis, ...(look.log ? { splits: powers, filter: (/** @type {any} */ _u, /** @type {number[]} */ at) => at } : {}), size: room, space: look.tall ? 42 : 30, values: (/** @type {any} */ _u, /** @type {(number|null)[]} */ at) => ticks(at) },
    ],
    hooks: {
      drawClear: [(/** @type {any} */ u) => shade(u, look.healthy)],
      draw: [(/** @type {any} */ u) => annotate(u, look.references(), look.marks(), beyond([u.scales.y.min, u.scales.y.max], look.healthy, leastOf(u))), (/** @type {any} */ u) => markZeros(u, look.zeros(), color), look.drawn],
      setCursor: [(/** @type {any} */ u) => look.moved(u.cursor.idx ?? null)],
    },
  };
}

/** @param {string} of @param {number} share */
const faded = (of, share) => of.replace(/\)$/, ` / ${share})`);

/** The y range of everything drawn, and of references and a band that are not far away. @param {any} u @param {Reference[]} references @param {import("./plot-band.js").Healthy | null} healthy */
function range(u, references, healthy) {
  const found = extent(u.data.slice(1).flat());
  if (!found) return [0, 1];
  let [low, high] = found;
  const span = high - low || Math.abs(high) || 1;
  for (const { value } of references) {
    if (value > low - span && value < high + span) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  [low, high] = reaching([low, high], healthy);
  const size = Math.max(Math.abs(low), Math.abs(high));
  const is_flat = high - low <= size * FLAT; // means of equal numbers differ in their last bits
  const room = is_flat ? size * 0.06 || 1 : (high - low) * 0.06;
  const has_line_on_top = references.some(({ value }) => value <= high && value > high - room);
  const from = low >= 0 ? Math.max(0, low - room) : low - room; // nothing is drawn below 0: the axis does not go there
  return [from, high + (has_line_on_top ? LABEL * (high - low) || room : room)];
}

/** The exact power: `10 ** n` may be off by one bit, and uPlot then counts for ever. @param {number} n */
const power = (n) => Number(`1e${n}`);

/** Grid lines of a logarithmic axis: powers of ten, thinned to at most six. @param {any} _u @param {number} _axis @param {number} low @param {number} high */
function powers(_u, _axis, low, high) {
  const [from, to] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))];
  const stride = Math.ceil((to - from + 1) / 6);
  return Array.from({ length: Math.floor((to - from) / stride) + 1 }, (_unused, i) => power(from + i * stride));
}

/** Whole decades around what is drawn, and around references that are less than one away. @param {any} u @param {Reference[]} references */
function decades(u, references) {
  const found = extent(u.data.slice(1).flat()) ?? [0.1, 1];
  const near = references.map(({ value }) => value).filter((value) => value > found[0] / 10 && value < found[1] * 10);
  const [low, high] = [Math.min(found[0], ...near), Math.max(found[1], ...near)];
  const to = Math.ceil(Math.log10(high));
  const from = Math.max(Math.floor(Math.log10(low)), to - MOST_DECADES);
  return [power(from), power(Math.max(to, from + 1))];
}
