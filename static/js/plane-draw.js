// @ts-check
// Drawing a value function over two axes: colours at data resolution, scaled up; letters where the action changes; axes.

import { diverging, sequential, token } from "./colors.js";
import { tick } from "./format.js";
import { label } from "./grid-glyphs.js";

const LEFT = 44;
const TOP = 6;
const RIGHT = 10;
const BOTTOM = 28;
const ACTIONS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];
const LETTERS_ACROSS = 9;
const LETTERS_UP = 6;

/**
 * @param {CanvasRenderingContext2D} ctx @param {{width: number, height: number}} size @param {any} frame
 * @param {[number, number] | null} range of the values' colours; null draws the greedy action instead
 */
export function drawPlane(ctx, size, frame, range) {
  const { arrays, shapes, meta } = frame;
  const [ny, nx] = shapes.values;
  const area = { x: LEFT, y: TOP, w: size.width - LEFT - RIGHT, h: size.height - TOP - BOTTOM };
  ctx.imageSmoothingEnabled = range !== null || Boolean(meta.action);
  const policy = () => (meta.action ? pushes(arrays.action, [nx, ny], meta.action) : greedy(arrays.action, nx, ny));
  ctx.drawImage(range ? heat(arrays.values, [nx, ny], { range, is_signed: meta.layer?.signed }) : policy(), area.x, area.y, area.w, area.h);
  if (!range && !meta.action) letters(ctx, area, frame);
  visited(ctx, area, frame);
  axes(ctx, area, meta);
}

/** @param {Float32Array} values @param {[number, number]} size @param {{range: [number, number], is_signed: boolean}} colours */
function heat(values, [nx, ny], { range: [low, high], is_signed }) {
  if (is_signed) return bitmap(nx, ny, (index) => diverging(values[index] / (high || 1)));
  return bitmap(nx, ny, (index) => sequential(high > low ? (values[index] - low) / (high - low) : 0.5));
}

/** A continuous action between its bounds. @param {Float32Array} action @param {[number, number]} size @param {{low: number, high: number}} bounds */
function pushes(action, [nx, ny], { low, high }) {
  return bitmap(nx, ny, (index) => diverging((2 * (action[index] - low)) / (high - low) - 1));
}

/** @param {Float32Array} action @param {number} nx @param {number} ny */
function greedy(action, nx, ny) {
  const canvas = new OffscreenCanvas(nx, ny);
  const ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (let i = 0; i < nx * ny; i++) {
    ctx.fillStyle = token(ACTIONS[action[i] % ACTIONS.length]);
    ctx.fillRect(i % nx, ny - 1 - Math.floor(i / nx), 1, 1);
  }
  return canvas;
}

/** @param {number} nx @param {number} ny @param {(index: number) => number[]} color */
function bitmap(nx, ny, color) {
  const canvas = new OffscreenCanvas(nx, ny);
  const ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = ctx.createImageData(nx, ny);
  for (let row = 0; row < ny; row++) {
    for (let col = 0; col < nx; col++) {
      const at = ((ny - 1 - row) * nx + col) * 4;
      image.data.set([...color(row * nx + col), 255], at);
    }
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

/** Name the action at a coarse lattice, so that colour is never alone. @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number, w: number, h: number}} area @param {any} frame */
function letters(ctx, area, { arrays, shapes, meta }) {
  const [ny, nx] = shapes.values;
  for (let i = 0; i < LETTERS_ACROSS; i++) {
    for (let j = 0; j < LETTERS_UP; j++) {
      const [across, up] = [(i + 0.5) / LETTERS_ACROSS, (j + 0.5) / LETTERS_UP];
      const name = meta.actions[arrays.action[Math.floor(up * ny) * nx + Math.floor(across * nx)]] ?? "";
      label(ctx, name.slice(0, 6), area.x + across * area.w, area.y + (1 - up) * area.h, 10, token("--on-accent"));
    }
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number, w: number, h: number}} area @param {any} frame */
function visited(ctx, area, { arrays, meta }) {
  const points = arrays.visited ?? [];
  const { x, y } = meta;
  ctx.fillStyle = "rgb(255 255 255 / 0.5)";
  ctx.beginPath();
  for (let i = 0; i + 1 < points.length; i += 2) {
    const across = (points[i] - x.low) / (x.high - x.low);
    const up = (points[i + 1] - y.low) / (y.high - y.low);
    if (across < 0 || across > 1 || up < 0 || up > 1) continue;
    const [px, py] = [area.x + across * area.w, area.y + (1 - up) * area.h];
    ctx.moveTo(px + 1.3, py);
    ctx.arc(px, py, 1.3, 0, 7);
  }
  ctx.fill();
}

/** @param {{name: string, unit: string}} axis */
const named = ({ name, unit }) => (unit ? `${name} (${unit})` : name);

/** @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number, w: number, h: number}} area @param {any} meta */
function axes(ctx, area, meta) {
  ctx.fillStyle = token("--muted");
  ctx.font = "11px system-ui, sans-serif";
  ctx.textBaseline = "top";
  for (const share of [0, 0.5, 1]) {
    ctx.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
    const value = tick(meta.x.low + share * (meta.x.high - meta.x.low));
    ctx.fillText(share === 0.5 ? named(meta.x) : value, area.x + share * area.w, area.y + area.h + 8);
  }
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const share of [0, 1]) {
    const value = tick(meta.y.low + share * (meta.y.high - meta.y.low));
    ctx.fillText(value, area.x - 6, area.y + (1 - share) * area.h + (share ? 6 : -6));
  }
  ctx.save();
  ctx.translate(12, area.y + area.h / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(named(meta.y), 0, 0);
  ctx.restore();
}
