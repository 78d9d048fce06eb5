// @ts-check
// The small signs of a grid: arrows, words, the dot of a pit, the flag of a goal.

import { token } from "./colors.js";

/** `tail` is how far the line reaches back from its middle. @param {CanvasRenderingContext2D} ctx @param {{x: number, y: number, length: number, tail: number}} at @param {number[]} toward @param {string} color */
export function arrow(ctx, { x, y, length, tail }, [dx, dy], color) {
  const reach = length * (tail ? 1.25 : 1.3);
  const tip = [x + dx * reach, y + dy * reach];
  const wing = length * (tail ? 0.62 : 0.36);
  ctx.strokeStyle = color;
  ctx.lineWidth = Math.max(1, length * 0.17);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  ctx.beginPath();
  ctx.moveTo(x - dx * length * tail, y - dy * length * tail);
  ctx.lineTo(tip[0], tip[1]);
  ctx.moveTo(tip[0] - (dx + dy) * wing, tip[1] - (dy + dx) * wing);
  ctx.lineTo(tip[0], tip[1]);
  ctx.lineTo(tip[0] - (dx - dy) * wing, tip[1] - (dy - dx) * wing);
  ctx.stroke();
}

/** @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} x @param {number} y @param {number} size @param {string} color @param {number} [room] text wider than this is left out */
export function label(ctx, text, x, y, size, color, room = 0) {
  ctx.fillStyle = color;
  ctx.font = `500 ${Math.max(8, size)}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  if (!room || ctx.measureText(text).width <= room) ctx.fillText(text, x, y);
}

/** Whether every one of these texts is narrow enough: numbers stand in all cells or in none. @param {CanvasRenderingContext2D} ctx @param {number} size @param {string[]} texts @param {number} room */
export function fit(ctx, size, texts, room) {
  ctx.font = `500 ${Math.max(8, size)}px system-ui, sans-serif`;
  return texts.every((text) => ctx.measureText(text).width <= room);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size */
export function dot(ctx, x, y, size) {
  ctx.fillStyle = token("--cell-pit-ink");
  ctx.beginPath();
  ctx.arc(x + size / 2, y + size / 2, size * 0.12, 0, 7);
  ctx.fill();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size */
export function flag(ctx, x, y, size) {
  ctx.fillStyle = ctx.strokeStyle = token("--cell-goal-ink");
  ctx.lineWidth = Math.max(1, size * 0.05);
  ctx.beginPath();
  ctx.moveTo(x + size * 0.38, y + size * 0.76);
  ctx.lineTo(x + size * 0.38, y + size * 0.25);
  ctx.lineTo(x + size * 0.7, y + size * 0.37);
  ctx.lineTo(x + size * 0.38, y + size * 0.5);
  ctx.stroke();
  ctx.fill();
}

/** A filled disc. @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} radius @param {string} [color] */
export function disc(ctx, x, y, radius, color = "--accent") {
  ctx.fillStyle = token(color);
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  ctx.fill();
}
