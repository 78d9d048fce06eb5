// @ts-check
// The gridworld editor. Draws a world with V* and the best actions in it; the form around it, or a run, gets what was drawn.

import { Surface } from "../canvas.js";
import { actsOf, showGamma, showState } from "../editor-acts.js";
import { drawWorld, heightOf, placeOf } from "../editor-draw.js";
import { Hand, keysOf } from "../editor-hand.js";
import { keepPast } from "../editor-kept.js";
import { Options } from "../editor-options.js";
import { Solver } from "../editor-solver.js";
import { hint, say, wordsOf } from "../editor-words.js";
import { World } from "../editor-world.js";

class GridEditor extends HTMLElement {
  /** @type {World} */
  world = new World({ layout: "S" });
  /** @type {Options} */
  options = new Options(this, {});
  gamma = 0.99;
  note = ""; // what the last act did, where that is easily overlooked
  #surface = /** @type {Surface | null} */ (null);
  /** @type {Hand | null} */
  #hand = null;
  answer = /** @type {import("../editor-solver.js").Answer | null} */ (null);
  /** @type {Set<string>} layouts that the form was given or that were typed in it, so that a late answer to an older one is known as such */
  #sent = new Set();
  #asked_gamma = /** @type {number | null} the discount that the form asked for last */ (null);
  /** @type {import("../editor-world.js").Drawing} what the run goes on in */
  base = {};
  #solver = new Solver("gridworld", (answer, faults) => this.#solved(answer, faults));

  connectedCallback() {
    if (!this.#hand) this.#build();
    const canvas = /** @type {HTMLCanvasElement} */ (this.querySelector("canvas"));
    this.#surface = new Surface(canvas, (ctx, width) => this.#draw(ctx, width), (width) => heightOf(this.world, width));
    document.addEventListener("htmx:after:swap", this.#swapped);
    this.closest("form")?.addEventListener("change", this.#typed);
    this.refresh();
  }

  disconnectedCallback() {
    document.removeEventListener("htmx:after:swap", this.#swapped);
    this.#surface?.close();
    this.#surface = null;
  }

  #build() {
    this.options = new Options(this, JSON.parse(this.getAttribute("config") ?? "{}"));
    this.base = this.options.read();
    this.world = new World(this.base);
    keepPast(this);
    this.gamma = Number(this.getAttribute("gamma") ?? 0.99);
    this.#asked_gamma = this.options.gamma();
    showGamma(this, this.gamma);
    const stage = /** @type {HTMLElement} */ (this.find(".editor-stage"));
    this.#hand = new Hand(stage, {
      keys: keysOf(this),
      world: () => this.world,
      place: () => placeOf(this.world, this.#surface?.width || stage.clientWidth || 1),
      tool: () => this.find("[data-tool][aria-pressed=true]")?.dataset.tool ?? "#",
      put: (cell, tool) => this.#put(cell, tool),
      done: () => this.done(),
      words: (cell) => wordsOf(this.world, cell, this.answer),
      hover: (cell) => say(this, cell),
    });
    for (const [name, act] of Object.entries(actsOf(this))) this.addEventListener(name, act);
    for (const control of this.querySelectorAll("[data-waits]")) control.removeAttribute("disabled");
  }

  /** @param {string} selector @returns {HTMLInputElement | null} */
  find(selector) {
    return this.querySelector(selector);
  }

  /** A stroke or a change of text has ended: it becomes one step back, and the form hears of it. */
  done() {
    if (this.world.commit()) this.changed();
    else this.refresh();
  }

  /** @param {string} [note] */
  changed(note = "") {
    this.note = note;
    this.#sent.add(this.world.drawing.layout);
    this.options.write(this.world.drawing);
    this.refresh();
  }

  /** Draw again, and ask for V* again. */
  refresh() {
    showState(this);
    this.ask(this.world.drawing);
  }

  /** Draw, and ask for V* of a drawing. @param {import("../editor-world.js").Drawing} drawing */
  ask(drawing) {
    this.#surface?.soon();
    this.#hand?.follow();
    this.#solver.ask({ environment_config: drawing, gamma: this.gamma });
  }

  /** @param {number} cell @param {string} tool a letter, or r for the reward of the field */
  #put(cell, tool) {
    if (tool === "r") this.world.reward(cell, this.find("[data-reward]")?.value ?? "");
    else this.world.place(cell, tool);
    say(this, cell);
    this.ask(this.world.draft());
  }

  /** @param {CanvasRenderingContext2D} ctx @param {number} width */
  #draw(ctx, width) {
    drawWorld(ctx, width, this.world, this.answer);
    this.#hand?.follow();
  }

  /** @param {import("../editor-solver.js").Answer | null} answer @param {import("../editor-solver.js").Fault[]} faults */
  #solved(answer, faults) {
    this.answer = answer;
    hint(this, faults);
    showState(this);
    say(this, null);
    this.#surface?.soon();
  }

  /** The form was changed by hand: by text, by a preset, or by another discount. @param {Event} event */
  #typed = (event) => {
    if (this.contains(/** @type {Node} */ (event.target)) || !event.isTrusted) return;
    this.#sent.add(this.options.read().layout);
    this.#adopt();
  };

  /** After an answer of the server the form holds its text; one that answers an older drawing is set right. */
  #swapped = () => {
    if (!this.isConnected) return;
    const { layout } = this.options.read();
    if (layout === this.world.drawing.layout) this.#sent.clear(); // answers come in order: no older one is on its way
    if (this.#sent.has(layout)) this.changed();
    else this.#adopt();
  };

  #adopt() {
    const gamma = this.options.gamma();
    if (gamma !== null && gamma !== this.#asked_gamma) showGamma(this, gamma);
    this.#asked_gamma = gamma;
    this.world.load(this.options.read());
    this.refresh();
  }
}

customElements.define("grid-editor", GridEditor);
