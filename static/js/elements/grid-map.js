// @ts-check
// The maps of a table. Attributes: run, panel, mode (the layer; without it the viewer chooses, at first the layer `first`). Arrow keys read cells out.

import { Surface } from "../canvas.js";
import { followSteps } from "../cell-flash.js";
import { make } from "../chart-frame.js";
import { number } from "../format.js";
import { watchFrames } from "../frames.js";
import { cellAfter, cellAt } from "../grid-cursor.js";
import { place } from "../grid-draw.js";
import { choicesOf, drawLayer, laid, layerOf, nameOf, rangeShown, showRange, summaryOf } from "../grid-layers.js";
import { planeOf } from "../grid-planes.js";
import { tableOf, wordsOf } from "../grid-words.js";
import { scaleFor } from "../shared-scale.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

class GridMap extends HTMLElement {
  static observedAttributes = ["mode"];
  /** @type {HTMLElement[]} */
  #parts = [];
  /** @type {any} */
  #frame = null;
  /** @type {any} the frame before anything was laid over it */
  #given = null;
  /** @type {{arrays: Record<string, any>, meta: object} | null} */
  #overlay = null;
  /** @type {any} one map of the frame */
  #view = null;
  #plane = 0;
  #range = /** @type {[number, number]} */ ([0, 1]);
  /** @type {string | null} */
  #layer = null;
  #forget = () => {};
  #leave = () => {};
  #steps = () => {};
  /** @type {Surface | null} */
  #surface = null;
  /** @type {number | null} */
  #cell = null;
  #canvas = /** @type {HTMLCanvasElement} */ (make("canvas", "map-canvas"));
  #readout = make("p", "visually-hidden");
  #scale = make("span", "scale");
  #facts = make("span");
  #summary = "";
  #table = /** @type {HTMLDetailsElement} */ (make("details", "behind"));

  connectedCallback() {
    const [frame, foot] = [make("div", "map-frame"), make("div", "caption")];
    frame.append(this.#canvas);
    foot.append(this.#facts);
    this.#readout.setAttribute("aria-live", "polite");
    this.#table.replaceChildren(make("summary", "", t("Table")));
    this.replaceChildren(waiting(this));
    this.#parts = [frame, this.#scale, foot, this.#table, this.#readout];
    Object.assign(this.#canvas, { tabIndex: 0, role: "img" });
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("pointerleave", () => this.#choose(null));
    this.#canvas.addEventListener("keydown", (event) => this.#move(event));
    this.#table.addEventListener("toggle", () => this.#fillTable());
    const run = Number(this.getAttribute("run"));
    this.#steps = followSteps(run, this.#canvas, () => this.#surface && { frame: this.#frame, plane: this.#plane, at: this.#place(this.#surface.width) });
    this.#leave = watchFrames({ run, panel: this.getAttribute("panel") ?? "grid_values" }, (found) => this.#show(found), this);
  }

  disconnectedCallback() {
    this.#steps();
    this.#leave();
    this.#forget();
    this.#surface?.close();
  }

  attributeChangedCallback() {
    if (this.#given) this.#show(this.#given);
  }

  get mode() {
    return layerOf(this.#frame, this.getAttribute("mode") || this.#layer || this.getAttribute("first"));
  }

  #build() {
    const again = (/** @type {unknown} */ _chosen) => this.#show(this.#given);
    const choices = choicesOf(this.#frame, {
      shown: this.getAttribute("mode") ? null : this.mode,
      plane: (plane) => again((this.#plane = plane)),
      layer: (layer) => again((this.#layer = layer)),
    });
    this.#forget = choices.leave;
    const [map, ...rest] = this.#parts;
    this.replaceChildren(map, ...choices.elements, ...rest);
    const height = (/** @type {number} */ width) => this.#place(width).top + this.#place(width).size * this.#frame.meta.rows;
    const what = (/** @type {number} */ width) => ({ layer: this.mode, at: this.#place(width), range: this.#range, cell: this.#cell });
    return new Surface(this.#canvas, (ctx, width) => drawLayer(ctx, this.#view, what(width)), height);
  }

  /** @param {any} found */
  #show(found) {
    this.#given = found;
    const frame = (this.#frame = laid(found, this.#overlay));
    this.#view = planeOf(frame, this.#plane);
    this.#surface ??= this.#build();
    const [meta, layer] = [frame.meta, this.mode];
    const [low, high] = (this.#range = scaleFor(this, layer, rangeShown(frame, layer), () => this.#show(this.#given)));
    this.#summary = summaryOf(frame, layer);
    showRange(this.#scale, layer, [low, high]);
    this.#canvas.setAttribute("aria-label", t("{name} map, {rows} by {cols} cells, from {low} to {high}. Arrow keys read cells.", { name: nameOf(meta, layer), rows: meta.rows, cols: meta.cols, low: number(low, 3), high: number(high, 3) }));
    this.#fillTable();
    this.#choose(this.#cell);
    this.#surface.soon();
  }

  /** Lay other numbers over every picture: those that a viewer asks about; null takes them away. @param {{arrays: Record<string, any>, meta: object} | null} over */
  set overlay(over) {
    this.#overlay = over;
    if (this.#given) this.#show(this.#given);
  }

  /** @param {number} width */
  #place(width) {
    return place(this.#frame.meta, width, Math.max(240, innerHeight * (this.dataset.hero ? 0.46 : 0.36)));
  }

  /** @param {PointerEvent} event */
  #point(event) {
    this.#choose(cellAt(this.#frame.meta, this.#place(this.#surface?.width ?? 1), event.offsetX, event.offsetY));
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const cell = cellAfter(this.#frame.meta, this.#cell, event.key);
    if (cell === undefined) return;
    event.preventDefault();
    this.#choose(cell);
  }

  /** @param {number | null} cell */
  #choose(cell) {
    const is_same = cell === this.#cell;
    this.#cell = cell;
    this.#readout.textContent = cell === null ? "" : wordsOf(this.#view, cell);
    this.#facts.textContent = cell === null ? this.#summary : wordsOf(this.#view, cell);
    if (!is_same) this.#surface?.soon();
  }

  #fillTable() {
    if (this.#table.open && this.#frame) tableOf(this.#table, this.#view, this.mode, nameOf(this.#frame.meta, this.mode));
  }
}

customElements.define("grid-map", GridMap);
