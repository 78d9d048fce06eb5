// @ts-check
// The hand that draws: pointer strokes and keys over the grid, and the cursor cell that holds the focus.

import { line } from "./editor-world.js";

const MOVES = { ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowDown: [1, 0], ArrowLeft: [0, -1] };

/**
 * @typedef {{world: () => import("./editor-world.js").World, place: () => import("./grid-draw.js").Place, tool: () => string,
 *   put: (cell: number, tool: string) => void, done: () => void, words: (cell: number) => string, hover: (cell: number | null) => void,
 *   keys: Map<string, string>}} Owner
 */

export class Hand {
  cell = 0;
  #owner;
  #canvas;
  #cursor;
  #grid;
  /** @type {number | null} the last cell of the stroke */
  #last = null;
  #stroke = "";

  /** @param {HTMLElement} stage @param {Owner} owner */
  constructor(stage, owner) {
    this.#owner = owner;
    this.#canvas = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
    this.#grid = /** @type {HTMLElement} */ (stage.querySelector("[role=grid]"));
    this.#cursor = /** @type {HTMLElement} */ (stage.querySelector("[role=gridcell]"));
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", () => this.#up());
    stage.addEventListener("pointercancel", () => this.#up());
    stage.addEventListener("pointerleave", () => this.#last === null && owner.hover(null));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    this.#cursor.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Put the cursor where it is after the world or its size has changed. */
  follow() {
    const { rows, cols } = this.#owner.world();
    this.cell = Math.min(this.cell, rows * cols - 1);
    const { size, left, top } = this.#owner.place();
    const [row, col] = [Math.floor(this.cell / cols), this.cell % cols];
    Object.assign(this.#cursor.style, { insetInlineStart: `${left + col * size}px`, insetBlockStart: `${top + row * size}px`, inlineSize: `${size}px`, blockSize: `${size}px` });
    this.#grid.setAttribute("aria-rowcount", String(rows));
    this.#grid.setAttribute("aria-colcount", String(cols));
    this.#cursor.parentElement?.setAttribute("aria-rowindex", String(row + 1));
    this.#cursor.setAttribute("aria-colindex", String(col + 1));
    this.#cursor.setAttribute("aria-label", this.#owner.words(this.cell));
  }

  /** @param {PointerEvent} event */
  #at(event) {
    const { left: x, top: y } = this.#canvas.getBoundingClientRect();
    const { size, left, top } = this.#owner.place();
    const { rows, cols } = this.#owner.world();
    const [row, col] = [Math.floor((event.clientY - y - top) / size), Math.floor((event.clientX - x - left) / size)];
    return row >= 0 && col >= 0 && row < rows && col < cols ? row * cols + col : null;
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const cell = this.#at(event);
    if (cell === null || event.button > 2) return;
    event.preventDefault();
    this.#cursor.focus({ preventScroll: true });
    /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
    const tool = this.#owner.tool();
    this.#stroke = event.button === 2 || this.#owner.world().letters[cell] === tool ? "." : tool;
    this.#last = cell;
    this.#paint(cell);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const cell = this.#at(event);
    if (this.#last === null) return this.#owner.hover(cell);
    if (cell === null || cell === this.#last) return;
    for (const one of line(this.#last, cell, this.#owner.world().cols).slice(1)) this.#paint(one);
    this.#last = cell;
  }

  #up() {
    if (this.#last === null) return;
    this.#last = null;
    this.#owner.done();
  }

  /** @param {number} cell */
  #paint(cell) {
    this.cell = cell;
    this.#owner.put(cell, this.#stroke);
    this.follow();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const move = MOVES[/** @type {keyof MOVES} */ (event.key)];
    const is_plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const tool = is_plain ? this.#toolOf(event.key) : undefined;
    if (!move && tool === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (move) this.#step(move, event.ctrlKey);
    if (tool !== undefined || event.shiftKey) {
      this.#owner.put(this.cell, tool ?? this.#owner.tool());
      this.#owner.done();
    }
    this.follow();
    this.#owner.hover(this.cell);
  }

  /** @param {string} key */
  #toolOf(key) {
    if (key === " " || key === "Enter") return this.#owner.tool();
    if (key === "Delete" || key === "Backspace") return ".";
    return this.#owner.keys.get(key.toLowerCase());
  }

  /** @param {number[]} by @param {boolean} is_far */
  #step([down, right], is_far) {
    const { rows, cols } = this.#owner.world();
    const far = is_far ? Math.max(rows, cols) : 1;
    const row = Math.min(Math.max(Math.floor(this.cell / cols) + down * far, 0), rows - 1);
    const col = Math.min(Math.max((this.cell % cols) + right * far, 0), cols - 1);
    this.cell = row * cols + col;
  }
}

/** Which tool a key places. @param {HTMLElement} editor @returns {Map<string, string>} */
export function keysOf(editor) {
  const tools = /** @type {HTMLElement[]} */ ([...editor.querySelectorAll("[data-tool]")]);
  return new Map(tools.flatMap((one) => (one.dataset.keys ?? "").split(" ").map((key) => [key, one.dataset.tool ?? "#"])));
}
