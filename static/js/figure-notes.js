// @ts-check
// What stands over the marks of a small figure: its straight lines, each named where there is room, and marked points, none hidden.

import { token } from "./colors.js";
import { isApart } from "./plot-notes.js";

const SIZE = 11;
const ROW = 15;
const GAP = 4;
const STRIDE = 12; // between two places that are tried for a name
const LEVELS = [0, 1, 2, 3]; // rows off its line at which a name may stand
const AWAY = 6; // a row off its line is as bad as that many points under a name
const NEAR = 4; // CSS pixels within which a point hides another
const FEW = 8; // points that each mean something; more are a cloud
const RADIUS = 4;
const RING = 3;

/** @typedef {import("./figure-draw.js").Figure} Figure */
/** @typedef {import("./figure-draw.js").Mark} Mark */
/** @typedef {import("./figure-draw.js").Scale} Scale */
/** @typedef {{x?: number, y?: number, label: string}} Rule */
/** @typedef {Record<string, Float32Array>} Arrays */
/** @typedef {[number, number]} Point */
/** @typedef {import("./plot-notes.js").Box} Box */

/** Whether a mark is a few points that each mean something. @param {Mark} mark @param {Arrays} arrays */
export const isFew = (mark, arrays) => mark.kind === "dots" && !mark.shade && arrays[mark.x].length <= FEW;

/** Points over everything, wider where a later one lies on them. @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Mark[]} marks @param {Arrays} arrays @param {(mark: Mark) => string} color */
export function points(ctx, scale, marks, arrays, color) {
  const places = marks.map((mark) => placesOf(scale, mark, arrays));
  ringsOf(places).forEach((rings, i) => rings.forEach((ring, at) => {
    ctx.beginPath();
    ctx.arc(...places[i][at], RADIUS + RING * ring, 0, 7);
    Object.assign(ctx, { fillStyle: color(marks[i]), strokeStyle: token("--surface"), lineWidth: 1.5 });
    ctx.fill();
    ctx.stroke();
  }));
}

/** How many points of later marks lie on each point. @param {Point[][]} places @returns {number[][]} */
export const ringsOf = (places) =>
  places.map((own, i) => own.map(([x, y]) => places.slice(i + 1).flat().filter((other) => Math.hypot(other[0] - x, other[1] - y) < NEAR).length));

/** @param {Scale} scale @param {Mark} mark @param {Arrays} arrays @returns {Point[]} */
const placesOf = (scale, mark, arrays) => [...arrays[mark.x]].map((x, i) => [scale.x(x), scale.y(arrays[mark.y][i])]);

/** @param {CanvasRenderingContext2D} ctx @param {Scale} scale @param {Figure} figure @param {Arrays} arrays */
export function rules(ctx, scale, figure, arrays) {
  const found = (figure.rules ?? []).map((rule) => ({ ...rule, at: [rule.x === undefined ? null : scale.x(rule.x), rule.y === undefined ? null : scale.y(rule.y)] }));
  Object.assign(ctx, { strokeStyle: token("--text"), lineWidth: 1, textBaseline: "alphabetic", textAlign: "left", font: `${SIZE}px system-ui, sans-serif` });
  ctx.setLineDash([3, 3]);
  const lines = found.map(({ at: [x, y] }) => /** @type {Point[]} */ ([[x ?? scale.left, y ?? scale.top], [x ?? scale.right, y ?? scale.bottom]]));
  for (const [from, to] of lines) {
    ctx.beginPath();
    ctx.moveTo(...from);
    ctx.lineTo(...to);
    ctx.stroke();
  }
  ctx.setLineDash([]);
  const busy = [...lines, ...figure.marks.flatMap((mark) => inked(scale, mark, arrays))].flatMap(dense);
  /** @type {Box[]} */
  const taken = [];
  for (const { label, at } of found.filter((rule) => rule.label)) {
    const width = ctx.measureText(label).width;
    const place = placeFor(scale, { at, width }, { taken, busy });
    taken.push(place);
    Object.assign(ctx, { lineWidth: 4, lineJoin: "round", strokeStyle: token("--surface"), fillStyle: token("--text") });
    ctx.strokeText(label, place.x, place.y); // so that it reads over a curve
    ctx.fillText(label, place.x, place.y);
  }
}

/** The lines that a mark draws; a band can be read over. @param {Scale} scale @param {Mark} mark @param {Arrays} arrays @returns {Point[][]} */
function inked(scale, mark, arrays) {
  const places = placesOf(scale, mark, arrays);
  if (mark.kind === "line") return [places.filter(([, y]) => Number.isFinite(y))];
  if (mark.kind === "dots") return places.map((place) => [place]);
  return mark.kind === "bars" ? places.map(([x, y], i) => [[x, y], [x, scale.y(mark.low ? arrays[mark.low][i] : 0)]]) : [];
}

/** A line as points close to each other. @param {Point[]} line @returns {Point[]} */
function dense(line) {
  return line.flatMap(([x, y], i) => {
    const [toX, toY] = line[i + 1] ?? [x, y];
    const count = Math.max(1, Math.min(200, Math.ceil(Math.hypot(toX - x, toY - y) / 3)));
    return Array.from({ length: count }, (_unused, k) => /** @type {Point} */ ([x + ((toX - x) * k) / count, y + ((toY - y) * k) / count]));
  });
}

/**
 * Where a name of a width stands beside its line: clear of other names, and of what is drawn as far as it can be.
 * @param {{left: number, right: number, top: number, bottom: number}} area
 * @param {{at: (number | null)[], width: number}} name x or y of the line @param {{taken: Box[], busy: Point[]}} others
 * @returns {Box} its lower left corner
 */
export function placeFor(area, { at: [x, y], width }, { taken, busy }) {
  const inside = [area.left + 2, Math.max(area.left + 2, area.right - 2 - width), area.top + SIZE + 1, area.bottom - GAP];
  const along = x !== null ? count((area.bottom - area.top - ROW) / ROW).map((row) => inside[2] + row * ROW) : count((inside[1] - inside[0]) / STRIDE).map((column) => inside[0] + 2 + column * STRIDE);
  const tried = (x !== null ? [0] : LEVELS).flatMap((level) =>
    along.flatMap((place) => (x !== null ? [[x + GAP, place], [x - GAP - width, place]] : [-GAP - 1 - level * ROW, SIZE + 2 + level * ROW].map((off) => [place, (y ?? 0) + off])).map(([left, low]) => ({ x: left, y: low, width, level }))));
  const fits = tried.filter((box) => box.x >= inside[0] && box.x <= inside[1] && box.y >= inside[2] && box.y <= inside[3]);
  const free = fits.filter((box) => taken.every((other) => isApart(box, other)));
  const cost = (/** @type {Box & {level: number}} */ box) => AWAY * box.level + busy.filter(([px, py]) => px > box.x - 3 && px < box.x + width + 3 && py > box.y - SIZE - 1 && py < box.y + 4).length;
  const [first, ...rest] = free.length ? free : fits.length ? fits : [{ x: inside[0], y: inside[2], width, level: 0 }];
  return rest.reduce((best, box) => (cost(box) < cost(best) ? box : best), first);
}

/** @param {number} last */
const count = (last) => Array.from({ length: Math.max(1, Math.floor(last) + 1) }, (_unused, index) => index);
