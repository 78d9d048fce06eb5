// @ts-check
// What is written over a curve: dashed references, edits and other events, each label where no other one is.

import { token } from "./colors.js";
import { extent } from "./curves.js";
import { tick } from "./format.js";

const SIZE = 11;
const ROW = 15;
const LINE = 1; // thinner ones bound a band, over which words can be read
const STRIDE = 24; // between two places that are tried
const NEAR = 20; // lines closer than this share one label: between them is no room for words

/** @typedef {{label: string, value: number, from?: number | null, to?: number | null}} Reference on the whole x axis, or on a part of it */
/** @typedef {{at: number, text: string, is_minor?: boolean}} Mark a minor mark is a short line without words */
/** @typedef {{x: number, y: number, width: number}} Box its lower left corner */

/** @param {any} u @param {Reference[]} references @param {Mark[]} marks @param {{text: string, is_above: boolean} | null} [band] where a band lies that is not seen whole */
export function annotate(u, references, marks, band = null) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio || 1;
  const area = { left: bbox.left / ratio, top: bbox.top / ratio, width: bbox.width / ratio, height: bbox.height / ratio };
  ctx.save();
  ctx.scale(ratio, ratio);
  ctx.beginPath();
  ctx.rect(area.left, area.top, area.width, area.height);
  ctx.clip();
  ctx.font = `${SIZE}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.lineWidth = 1;
  /** @type {Box[]} */
  const taken = [];
  const [right, bottom] = [area.left + area.width, area.top + area.height];
  const across = (/** @type {number | null | undefined} */ at, /** @type {number} */ edge) => (typeof at === "number" ? u.valToPos(at, "x", true) / ratio : edge);
  const levels = references.flatMap(({ label, value, from, to }) => {
    const [begin, end] = [Math.max(area.left, across(from, area.left)), Math.min(right, across(to, right))];
    return begin < end ? [{ y: u.valToPos(value, "y", true) / ratio, text: `${label} ${tick(value)}`, begin, end }] : [];
  });
  for (const { y, begin, end } of levels) line(ctx, [begin, y, end, y], token("--muted"), [4, 4]);
  for (const end of new Set(levels.map((level) => level.end))) {
    const shown = levels.filter((level) => level.end === end && level.y >= area.top && level.y <= bottom);
    for (const { top, bottom: low, texts } of bundles(shown)) {
      const text = fitted(texts, area.width - 8, (words) => ctx.measureText(words).width);
      const width = ctx.measureText(text).width;
      const places = range(8).flatMap((shift) => [top - 5, low + 13].map((y) => ({ x: Math.max(area.left + 2, end - 4 - width - shift * (width / 2 + 8)), y, width })));
      places.sort((one, other) => Number(isOnCurve(u, one)) - Number(isOnCurve(u, other)));
      write(ctx, area, taken, { text, places, color: token("--muted") });
    }
  }
  if (band) {
    const [width, edge] = [ctx.measureText(band.text).width, band.is_above ? area.top + SIZE + 4 : bottom - 8];
    const places = range(5).flatMap((row) => range(8).map((shift) => ({ x: right - 4 - width - shift * STRIDE, y: edge + (band.is_above ? row : -row) * ROW, width })));
    places.sort((one, other) => Number(isOnCurve(u, one)) - Number(isOnCurve(u, other)));
    write(ctx, area, taken, { text: band.text, places, color: token("--good") });
  }
  for (const { at, text, is_minor } of marks) {
    const x = u.valToPos(at, "x", true) / ratio;
    if (!(x >= area.left && x <= right)) continue;
    line(ctx, [x, is_minor ? bottom - 6 : area.top, x, bottom], token(is_minor ? "--muted" : "--warn"), []);
    if (is_minor) continue;
    const width = ctx.measureText(text).width;
    const places = range(5).flatMap((row) => [x + 4, x - 4 - width].map((left) => ({ x: left, y: bottom - 8 - row * ROW, width })));
    write(ctx, area, taken, { text, places, color: token("--warn") });
  }
  ctx.restore();
}

/**
 * Lines from top to bottom, those too near for a label each in one bundle; its texts are in the order they were given.
 * @param {{y: number, text: string}[]} levels
 */
export function bundles(levels) {
  /** @type {{top: number, bottom: number, members: {y: number, text: string}[]}[]} */
  const found = [];
  for (const level of [...levels].sort((one, other) => one.y - other.y)) {
    const last = found.at(-1);
    if (last && level.y - last.bottom < NEAR) Object.assign(last, { bottom: level.y, members: [...last.members, level] });
    else found.push({ top: level.y, bottom: level.y, members: [level] });
  }
  return found.map(({ top, bottom, members }) => ({ top, bottom, texts: levels.filter((level) => members.includes(level)).map(({ text }) => text) }));
}

/**
 * As many texts as have room, then how many are left out: the note below the curve names them all.
 * @param {string[]} texts @param {number} room @param {(words: string) => number} width
 */
export function fitted(texts, room, width) {
  const first = (/** @type {number} */ count) => [...texts.slice(0, count), ...(count < texts.length ? [`+${texts.length - count}`] : [])].join(" · ");
  for (let count = texts.length; count > 1; count--) if (width(first(count)) <= room) return first(count);
  return first(1);
}

/**
 * Write at the first place that is free, or nowhere: the note below the curve names every line.
 * @param {CanvasRenderingContext2D} ctx @param {{left: number, top: number, width: number, height: number}} area @param {Box[]} taken
 * @param {{text: string, places: Box[], color: string}} what
 */
function write(ctx, area, taken, { text, places, color }) {
  const place = places.find((one) => isInside(one, area) && taken.every((other) => isApart(one, other)));
  if (!place) return;
  taken.push(place);
  ctx.setLineDash([]);
  ctx.lineWidth = 4;
  ctx.lineJoin = "round";
  ctx.strokeStyle = token("--surface");
  ctx.strokeText(text, place.x, place.y); // so that it reads over the curve
  ctx.lineWidth = 1;
  ctx.fillStyle = color;
  ctx.fillText(text, place.x, place.y);
}

/** @param {Box} box @param {{left: number, top: number, width: number, height: number}} area */
const isInside = (box, area) =>
  box.x >= area.left && box.x + box.width <= area.left + area.width && box.y - SIZE >= area.top && box.y + 2 <= area.top + area.height;

/** Whether a curve runs through a box. @param {any} u @param {Box} box */
function isOnCurve(u, { x, y, width }) {
  const [ratio, xs] = [devicePixelRatio || 1, u.data[0]];
  const indexAt = (/** @type {number} */ at) => u.posToIdx(at - u.bbox.left / ratio);
  const [first, last] = [Math.max(0, indexAt(x) - 1), Math.min(xs.length - 1, indexAt(x + width) + 1)];
  return u.series.some((/** @type {any} */ one, /** @type {number} */ index) => {
    if (!index || one.width < LINE) return false;
    const found = extent(u.data[index].slice(first, last + 1));
    const [high, low] = (found ?? [NaN, NaN]).map((value) => u.valToPos(value, "y", true) / ratio);
    return high >= y - SIZE && low <= y + 4;
  });
}

/** @param {Box} one @param {Box} other */
export const isApart = (one, other) => one.x + one.width + 6 <= other.x || other.x + other.width + 6 <= one.x || Math.abs(one.y - other.y) >= ROW;

/** @param {number} count */
const range = (count) => Array.from({ length: count }, (_unused, index) => index);

/** @param {CanvasRenderingContext2D} ctx @param {number[]} ends @param {string} stroke @param {number[]} dash */
function line(ctx, [x0, y0, x1, y1], stroke, dash) {
  ctx.strokeStyle = stroke;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}
