// @ts-check
// A ring around a cell of a map, once, where a step has just changed its value.

import { make } from "./chart-frame.js";
import { corner } from "./grid-draw.js";
import { placeOf } from "./grid-planes.js";

const STEPPED = "state-updated";
const SHOWN_MS = 1400;

/** Tell the maps of a run which state a step has changed. @param {number} run @param {number} state */
export const tellStep = (run, state) => document.dispatchEvent(new CustomEvent(STEPPED, { detail: { run, state } }));

/**
 * Ring the cells of a map until the returned function is called.
 * @param {number} run @param {Element} canvas @param {() => {frame: any, plane: number, at: {size: number, left: number, top: number}} | null} shown
 */
export function followSteps(run, canvas, shown) {
  const told = (/** @type {Event} */ event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    const map = detail.run === run ? shown() : null;
    if (!map || !canvas.parentElement) return;
    const { meta, arrays } = map.frame;
    const found = placeOf({ cell_states: arrays.cell_states }, detail.state);
    const room = meta.rows * meta.cols;
    if (found === null || Math.floor(found / room) !== map.plane) return;
    const [x, y] = corner(meta, map.at, found % room);
    ring(canvas.parentElement, x, y, map.at.size);
  };
  document.addEventListener(STEPPED, told);
  return () => document.removeEventListener(STEPPED, told);
}

/** @param {Element} host @param {number} x @param {number} y @param {number} size */
function ring(host, x, y, size) {
  const made = make("span", "cell-flash");
  made.setAttribute("aria-hidden", "true");
  Object.assign(made.style, { insetInlineStart: `${x}px`, insetBlockStart: `${y}px`, inlineSize: `${size}px`, blockSize: `${size}px` });
  host.append(made);
  setTimeout(() => made.remove(), SHOWN_MS);
}
