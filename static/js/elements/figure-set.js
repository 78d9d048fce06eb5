// @ts-check
// Small figures side by side, each declared by the frame: title, words, axes, marks. Attributes: run, panel.

import { Surface } from "../canvas.js";
import { make } from "../chart-frame.js";
import { colorOf, drawFigure } from "../figure-draw.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";

const ROWS = 24;

class FigureSet extends HTMLElement {
  /** @type {any} */
  #frame = null;
  #leave = () => {};
  /** @type {Surface[]} */
  #surfaces = [];
  #host = make("div", "figures");
  #words = make("p", "caption");

  connectedCallback() {
    this.replaceChildren(make("p", "map-wait", t("Waiting for the first picture.")));
    document.addEventListener("theme-change", this.#color);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#color);
    for (const surface of this.#surfaces) surface.close();
    this.#surfaces = [];
  }

  /** @param {any} frame */
  #show(frame) {
    const { meta, step } = (this.#frame = frame);
    if (!meta?.figures) return;
    const titles = JSON.stringify(meta.figures.map((/** @type {any} */ one) => one.title));
    if (this.dataset.titles !== titles) this.#build(titles);
    this.#words.textContent = [t("step {step}", { step: steps(step) }), meta.words].filter(Boolean).join(" · ");
    meta.figures.forEach((/** @type {import("../figure-draw.js").Figure} */ figure, /** @type {number} */ i) => {
      const holder = /** @type {HTMLElement} */ (this.#host.children[i]);
      /** @type {HTMLElement} */ (holder.querySelector(".figure-words")).textContent = figure.words;
      /** @type {HTMLElement} */ (holder.querySelector("canvas")).setAttribute("aria-label", `${figure.title}. ${figure.words}`);
      const behind = /** @type {HTMLDetailsElement} */ (holder.querySelector("details"));
      if (behind.open) table(behind, figure, frame.arrays);
      this.#surfaces[i]?.soon();
    });
    this.#color();
  }

  /** @param {string} titles */
  #build(titles) {
    this.dataset.titles = titles;
    for (const surface of this.#surfaces) surface.close();
    const figures = this.#frame.meta.figures;
    this.#host.replaceChildren(...figures.map((/** @type {any} */ one, /** @type {number} */ i) => this.#figure(one, i)));
    this.replaceChildren(this.#host, this.#words);
    this.#surfaces = figures.map((/** @type {any} */ _one, /** @type {number} */ i) => {
      const canvas = /** @type {HTMLCanvasElement} */ (this.#host.children[i].querySelector("canvas"));
      const draw = (/** @type {CanvasRenderingContext2D} */ ctx, /** @type {number} */ width, /** @type {number} */ height) => {
        const figure = this.#frame.meta.figures[i];
        if (figure) drawFigure(ctx, { width, height }, figure, this.#frame.arrays);
      };
      return new Surface(canvas, draw, (width) => Math.min(230, Math.max(150, width * 0.55)));
    });
  }

  /** @param {any} figure @param {number} i */
  #figure(figure, i) {
    const holder = make("figure", "figure");
    const canvas = make("canvas");
    canvas.setAttribute("role", "img");
    const frame = make("div", "map-frame");
    frame.append(canvas);
    const behind = /** @type {HTMLDetailsElement} */ (make("details", "behind"));
    behind.append(make("summary", "", t("Table")));
    behind.addEventListener("toggle", () => behind.open && table(behind, this.#frame.meta.figures[i], this.#frame.arrays));
    const title = make("figcaption", "figure-title", figure.title);
    if (figure.y.label) title.append(make("span", "figure-unit", ` · ${figure.y.label}`));
    holder.append(title, frame, make("div", "figure-key"), make("p", "figure-words"), behind);
    return holder;
  }

  /** What the colours are, where there are several. */
  #color = () => {
    this.#frame?.meta?.figures?.forEach((/** @type {any} */ figure, /** @type {number} */ i) => {
      const named = figure.marks.filter((/** @type {any} */ mark) => mark.name);
      const key = /** @type {HTMLElement} */ (this.#host.children[i].querySelector(".figure-key"));
      key.replaceChildren(...named.map((/** @type {any} */ mark) => {
        const entry = make("span");
        const sign = make("span", "figure-mark");
        sign.style.setProperty("--mark", colorOf(mark.color ?? 0));
        entry.append(sign, mark.name);
        return entry;
      }));
    });
  };
}

/** @param {HTMLDetailsElement} behind @param {import("../figure-draw.js").Figure} figure @param {Record<string, Float32Array>} arrays */
function table(behind, figure, arrays) {
  const scroll = make("div", "table-scroll");
  scroll.tabIndex = 0;
  for (const mark of figure.marks) {
    const grid = make("table", "table");
    const head = make("tr");
    head.append(make("th", "number", figure.x.label), make("th", "number", mark.name || figure.y.label));
    grid.append(make("caption", "visually-hidden", figure.title), head);
    const stride = Math.max(1, Math.ceil(arrays[mark.x].length / ROWS));
    for (let i = 0; i < arrays[mark.x].length; i += stride) {
      const row = make("tr");
      row.append(make("td", "number", number(arrays[mark.x][i])), make("td", "number", number(arrays[mark.y][i])));
      grid.append(row);
    }
    scroll.append(grid);
  }
  behind.replaceChildren(behind.querySelector("summary") ?? "", scroll);
}

customElements.define("figure-set", FigureSet);
