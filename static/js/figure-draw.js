// @ts-check
// Drawing a small figure: bars, lines, bands and dots over two axes, and straight lines that mean something.

import { css, sequential, token } from "./colors.js";
import { isFew, points, rules } from "./figure-notes.js";
import { rangeOf, scaled } from "./figure-range.js";
import { digitsBetween, ticks } from "./format.js";

const LEFT = 60;
const TOP = 8;
const RIGHT = 10;
const BOTTOM = 32;
const SERIES = 8;

/** @typedef {{kind: "bars" | "line" | "band" | "dots", x: string, y: string, low?: string, shade?: string, name?: string, color?: number, dash?: boolean, width?: number}} Mark */
/** @typedef {{label: string, low?: number, high?: number, log?: boolean, ticks?: number[]}} Axis */
/** @typedef {{title: string, words: string, x: Axis, y: Axis, marks: Mark[], rules?: {x?: number, y?: number, label: string}[]}} Figure */
/** @typedef {{x: (value: number) => number, y: (value: number) => number, low: number, high: number, left: number, right: number, top: number, bottom: number}} Scale */

/** The colour of a series, counted from 0. @param {number} index */
export const colorOf = (index) => token(`--series-${(index % SERIES) + 1}`);

/**
 * @param {CanvasRenderingContext2D} ctx @param {{width: number, height: number}} size
 * @param {Figure} figure @param {Record<string, Float32Array>} arrays @returns {Scale}
 */
export function drawFigure(ctx, { width, height }, figure, arrays) {
  const across = rangeOf(figure, arrays, "x");
  const up = rangeOf(figure, arrays, "y");
  const area = { left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM };
  const shareX = scaled(figure.x, across);
  const shareY = scaled(figure.y, up);
  const scale = {
    x: (/** @type {number} */ value) => area.left + shareX(value) * (area.right - area.left),
    y: (/** @type {number} */ value) => area.bottom - shareY(value) * (area.bottom - area.top),
    low: across[0], high: across[1], ...area,
  };
  frame(ctx, scale, figure, { across, up });
  ctx.save();
  ctx.beginPath();
  ctx.rect(area.left, area.top - 2, area.right - area.left, area.bottom - area.top + 4);
  ctx.clip();
  const few = figure.marks.filter((mark) => isFew(mark, arrays));
  for (const mark of figure.marks) if (!few.includes(mark)) KINDS[mark.kind](ctx, scale, mark, arrays);
  ctx.restore();
  rules(ctx, scale, figure, arrays);
  points(ctx, scale, few, arrays, (mark) => colorOf(mark.color ?? 0));
  return scale;
}

const KINDS = {
  /** @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Mark} mark @param {Record<string, Float32Array>} arrays */
  bars(ctx, scale, mark, arrays) {
    const [x, y] = [arrays[mark.x], arrays[mark.y]];
    const half = (mark.width ?? (x.length > 1 ? x[1] - x[0] : 1)) / 2;
    ctx.fillStyle = colorOf(mark.color ?? 0);
    ctx.globalAlpha = 0.75;
    for (let i = 0; i < x.length; i++) {
      const [from, to] = [scale.x(x[i] - half), scale.x(x[i] + half)];
      const base = mark.low ? scale.y(arrays[mark.low][i]) : scale.y(0);
      ctx.fillRect(from + 0.5, Math.min(base, scale.y(y[i])), Math.max(1, to - from - 1), Math.abs(scale.y(y[i]) - base));
    }
    ctx.globalAlpha = 1;
  },
  /** @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Mark} mark @param {Record<string, Float32Array>} arrays */
  line(ctx, scale, mark, arrays) {
    const [x, y] = [arrays[mark.x], arrays[mark.y]];
    ctx.strokeStyle = colorOf(mark.color ?? 0);
    ctx.lineWidth = 2;
    ctx.setLineDash(mark.dash ? [5, 4] : []);
    ctx.beginPath();
    let is_on = false;
    for (let i = 0; i < x.length; i++) {
      if (!Number.isFinite(y[i])) is_on = false;
      else {
        ctx[is_on ? "lineTo" : "moveTo"](scale.x(x[i]), scale.y(y[i]));
        is_on = true;
      }
    }
    ctx.stroke();
    ctx.setLineDash([]);
  },
  /** @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Mark} mark @param {Record<string, Float32Array>} arrays */
  band(ctx, scale, mark, arrays) {
    const [x, high, low] = [arrays[mark.x], arrays[mark.y], arrays[mark.low ?? mark.y]];
    ctx.fillStyle = colorOf(mark.color ?? 0);
    ctx.globalAlpha = 0.22;
    ctx.beginPath();
    for (let i = 0; i < x.length; i++) ctx.lineTo(scale.x(x[i]), scale.y(high[i]));
    for (let i = x.length - 1; i >= 0; i--) ctx.lineTo(scale.x(x[i]), scale.y(low[i]));
    ctx.fill();
    ctx.globalAlpha = 1;
  },
  /** @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Mark} mark @param {Record<string, Float32Array>} arrays */
  dots(ctx, scale, mark, arrays) {
    const [x, y, shade] = [arrays[mark.x], arrays[mark.y], mark.shade ? arrays[mark.shade] : null];
    ctx.fillStyle = colorOf(mark.color ?? 0);
    ctx.globalAlpha = x.length > 100 ? 0.6 : 0.9;
    for (let i = 0; i < x.length; i++) {
      if (shade) ctx.fillStyle = css(sequential(shade[i]));
      ctx.beginPath();
      ctx.arc(scale.x(x[i]), scale.y(y[i]), x.length > 100 ? 1.8 : 3.2, 0, 7);
      ctx.fill();
    }
    ctx.globalAlpha = 1;
  },
};

/** @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Figure} figure @param {{across: [number, number], up: [number, number]}} ranges */
function frame(ctx, scale, figure, { across, up }) {
  Object.assign(ctx, { font: "11px system-ui, sans-serif", fillStyle: token("--muted"), strokeStyle: token("--line"), lineWidth: 1 });
  ctx.strokeRect(scale.left, scale.top, scale.right - scale.left, scale.bottom - scale.top);
  const middle = (/** @type {Axis} */ axis, /** @type {[number, number]} */ [low, high]) => (axis.log ? Math.sqrt(low * high) : (low + high) / 2);
  Object.assign(ctx, { textBaseline: "top" });
  const places = figure.x.ticks ?? [across[0], middle(figure.x, across), across[1]];
  ticks(places, digitsBetween(...across)).forEach((label, i) => {
    ctx.textAlign = figure.x.ticks ? "center" : /** @type {CanvasTextAlign} */ (["left", "center", "right"][i]);
    ctx.fillText(label, scale.x(places[i]), scale.bottom + 4);
  });
  ctx.textAlign = "center";
  ctx.fillText(figure.x.label, (scale.left + scale.right) / 2, scale.bottom + 18);
  Object.assign(ctx, { textBaseline: "middle", textAlign: "right" });
  const levels = [up[0], middle(figure.y, up), up[1]];
  ticks(levels, digitsBetween(...up)).forEach((label, i) => ctx.fillText(label, scale.left - 10, scale.y(levels[i]) + [-4, 0, 4][i]));
}
