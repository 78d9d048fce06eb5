// @ts-check
// Advantages as stacks of one-step errors, with a slider for λ and one for the step looked at. Attributes: run, panel.

import { Surface } from "../canvas.js";
import { make } from "../chart-frame.js";
import { colorOf, drawFigure } from "../figure-draw.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { layersOf, stacked, termsOf } from "../gae.js";
import { formula, setFormula } from "../inspector-parts.js";
import { define } from "../loader.js";
import { written } from "../minibatch-parts.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

const NAMES = () => [t("its own error"), t("the next"), t("two to four on"), t("five and more on")];
const TERMS = 4;

class GaeStack extends HTMLElement {
  /** @type {any} */
  #frame = null;
  #leave = () => {};
  #lambda = NaN; // as chosen; until then that of the run
  #step = 0;
  /** @type {Surface[]} */
  #surfaces = [];
  /** @type {{figure: any, arrays: any}[]} */
  #figures = [];
  #words = make("p", "caption");
  #sum = formula(true);
  #sliders = make("div", "sliders");
  #host = make("div", "figures");
  #key = make("div", "figure-key");

  connectedCallback() {
    this.replaceChildren(waiting(this));
    document.addEventListener("theme-change", this.#color);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "advantages" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#color);
    for (const surface of this.#surfaces) surface.close();
    this.#surfaces = [];
  }

  /** @param {any} frame */
  #show(frame) {
    if (!frame.arrays.deltas) return;
    this.#frame = frame;
    this.#step = Math.min(this.#step, frame.arrays.deltas.length - 1);
    if (!this.#surfaces.length) this.#build();
    this.#draw();
  }

  #build() {
    const { meta, arrays } = this.#frame;
    const lambda = slider("λ", { min: 0, max: 1, step: 0.01, value: meta.lambda }, (value) => (this.#lambda = value));
    const step = slider(t("step"), { min: 0, max: arrays.deltas.length - 1, step: 1, value: this.#step }, (value) => (this.#step = value));
    this.#sliders.replaceChildren(lambda, step);
    this.#sliders.addEventListener("input", () => this.#draw());
    const canvases = [t("Every step: a stack of errors"), t("One step: what each later error adds")].map((title) => {
      const holder = make("figure", "figure");
      const canvas = /** @type {HTMLCanvasElement} */ (make("canvas"));
      canvas.setAttribute("role", "img");
      const frame = make("div", "map-frame");
      frame.append(canvas);
      holder.append(make("figcaption", "figure-title", title), frame);
      this.#host.append(holder);
      return canvas;
    });
    this.replaceChildren(this.#sliders, this.#host, this.#key, this.#sum, this.#words);
    this.#surfaces = canvases.map((canvas, i) => new Surface(canvas, (ctx, width, height) => {
      if (this.#figures[i]) drawFigure(ctx, { width, height }, this.#figures[i].figure, this.#figures[i].arrays);
    }, (width) => Math.min(240, Math.max(160, width * 0.55))));
    this.#color();
    define(this);
  }

  #draw() {
    const { meta, arrays, step } = this.#frame;
    const lambda = Number.isFinite(this.#lambda) ? this.#lambda : meta.lambda;
    const factor = meta.gamma * lambda;
    const { advantages, shares } = stacked(arrays.deltas, arrays.ended, factor);
    const x = Float32Array.from(advantages, (_unused, i) => meta.first + i);
    const terms = termsOf(arrays.deltas, arrays.ended, { factor, from: this.#step });
    this.#figures = [stackFigure(x, advantages, layersOf(shares), { chosen: x[this.#step], unit: meta.unit }), termFigure(terms, meta)];
    const [outputs] = [[...this.#sliders.querySelectorAll("output")]];
    outputs[0].textContent = number(lambda, 3);
    outputs[1].textContent = String(meta.first + this.#step);
    const shown = terms.slice(0, TERMS).map(({ weight, step: at }) => `${written(weight, true, 3)} \\cdot ${written(arrays.deltas[at], true, 3)}`);
    const more = terms.length > TERMS ? " + \\dots" : "";
    setFormula(this.#sum, `\\hat A_{${meta.first + this.#step}} = ${shown.join(" + ")}${more} = ${written(advantages[this.#step], false, 4)}`);
    const ends = { 0: t("the rollout ends"), 1: t("the episode terminates"), 2: t("the time limit cuts the episode, and the value of where it was stopped is in the last error") };
    const last = /** @type {0 | 1 | 2} */ (arrays.ended[terms[terms.length - 1].step]);
    const facts = { step: steps(step), gamma: number(meta.gamma, 4), run: number(meta.lambda, 4), count: number(terms.length), end: ends[last] };
    this.#words.textContent = t("step {step} · γ {gamma}, the run uses λ = {run} · this sum has {count} terms, until {end}", facts);
    this.#surfaces.forEach((surface) => {
      surface.canvas.setAttribute("aria-label", this.#words.textContent ?? "");
      surface.soon();
    });
    define(this);
  }

  #color = () => {
    this.#key.replaceChildren(...NAMES().map((name, i) => {
      const entry = make("span");
      const sign = make("span", "figure-mark");
      sign.style.setProperty("--mark", colorOf(i));
      entry.append(sign, name);
      return entry;
    }));
  };
}

/** @param {Float32Array} x @param {number[]} advantages @param {{low: number[], high: number[]}[]} layers @param {{chosen: number, unit: string}} about */
function stackFigure(x, advantages, layers, { chosen, unit }) {
  /** @type {Record<string, any>} */
  const arrays = { x, sum: advantages };
  const marks = layers.map(({ low, high }, i) => {
    Object.assign(arrays, { [`low${i}`]: low, [`high${i}`]: high });
    return { kind: "bars", x: "x", y: `high${i}`, low: `low${i}`, width: 1, color: i };
  });
  const line = { kind: "line", x: "x", y: "sum", color: 7 };
  return { arrays, figure: { x: { label: t("step; line: their sum, Â") }, y: { label: unit }, marks: [...marks, line], rules: [{ x: chosen, label: "t" }] } };
}

/** @param {{step: number, value: number}[]} terms @param {{first: number, unit: string}} about */
function termFigure(terms, { first, unit }) {
  let sum = 0;
  const arrays = { x: terms.map(({ step }) => first + step), value: terms.map(({ value }) => value), sum: terms.map(({ value }) => (sum += value)) };
  const marks = [{ kind: "bars", x: "x", y: "value", width: 1, color: 0 }, { kind: "line", x: "x", y: "sum", color: 7 }];
  return { arrays, figure: { x: { label: t("step; line: running sum of (γλ)ˡ δ") }, y: { label: unit }, marks } };
}

/** @param {string} name @param {{min: number, max: number, step: number, value: number}} range @param {(value: number) => void} changed */
function slider(name, range, changed) {
  const label = make("label", "slider");
  const input = /** @type {HTMLInputElement} */ (make("input"));
  Object.assign(input, { type: "range", min: range.min, max: range.max, step: range.step });
  input.value = String(range.value);
  input.addEventListener("input", () => changed(Number(input.value)));
  label.append(make("span", "muted", name), input, make("output", "tiny"));
  return label;
}

customElements.define("gae-stack", GaeStack);
