// @ts-check
// Small figures side by side as a frame declares them: title, words, axes, marks; behind each, its numbers as a table.

import { Surface } from "./canvas.js";
import { make } from "./chart-frame.js";
import { colorOf, drawFigure } from "./figure-draw.js";
import { number, steps } from "./format.js";
import { t } from "./text.js";

const ROWS = 24;

/** @typedef {import("./figure-draw.js").Figure} Figure */

export class Figures {
  /** @type {any} */
  #frame = null;
  /** @type {Surface[]} */
  #surfaces = [];
  #host = make("div", "figures");
  #words = make("p", "caption");
  #titles = "";

  /** @param {HTMLElement} root what they are shown in */
  constructor(root) {
    this.root = root;
    document.addEventListener("theme-change", this.#color);
  }

  close() {
    document.removeEventListener("theme-change", this.#color);
    this.#rest();
  }

  #rest() {
    for (const surface of this.#surfaces) surface.close();
    this.#surfaces = [];
  }

  /** @param {any} frame */
  show(frame) {
    const { meta, step } = frame;
    if (!meta?.figures) return;
    this.#frame = frame;
    const titles = JSON.stringify(meta.figures.map((/** @type {Figure} */ one) => one.title));
    if (this.#titles !== titles) this.#build(titles);
    this.#words.textContent = [step === undefined ? "" : t("step {step}", { step: steps(step) }), meta.words].filter(Boolean).join(" · ");
    meta.figures.forEach((/** @type {Figure} */ figure, /** @type {number} */ i) => {
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
    this.#titles = titles;
    this.#rest();
    const figures = this.#frame.meta.figures;
    this.#host.replaceChildren(...figures.map((/** @type {Figure} */ one, /** @type {number} */ i) => this.#figure(one, i)));
    this.root.replaceChildren(this.#host, this.#words);
    this.#surfaces = figures.map((/** @type {Figure} */ _one, /** @type {number} */ i) => {
      const canvas = /** @type {HTMLCanvasElement} */ (this.#host.children[i].querySelector("canvas"));
      const draw = (/** @type {CanvasRenderingContext2D} */ ctx, /** @type {number} */ width, /** @type {number} */ height) => {
        const figure = this.#frame.meta.figures[i];
        if (figure) drawFigure(ctx, { width, height }, figure, this.#frame.arrays);
      };
      return new Surface(canvas, draw, (width) => Math.min(230, Math.max(150, width * 0.55)));
    });
  }

  /** @param {Figure} figure @param {number} i */
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
    this.#frame?.meta.figures.forEach((/** @type {Figure} */ figure, /** @type {number} */ i) => {
      const named = figure.marks.filter((mark) => mark.name);
      const key = /** @type {HTMLElement} */ (this.#host.children[i].querySelector(".figure-key"));
      key.replaceChildren(...named.map((mark) => {
        const entry = make("span");
        const sign = make("span", "figure-mark");
        sign.dataset.kind = mark.kind;
        sign.style.setProperty("--mark", colorOf(mark.color ?? 0));
        entry.append(sign, mark.name ?? "");
        return entry;
      }));
    });
  };
}

/** @param {HTMLDetailsElement} behind @param {Figure} figure @param {Record<string, Float32Array>} arrays */
function table(behind, figure, arrays) {
  const scroll = make("div", "table-scroll");
  scroll.tabIndex = 0;
  const lines = new Set(figure.marks.filter((mark) => mark.kind === "line").map((mark) => mark.y)); // their dots and bands tell the same
  for (const mark of figure.marks.filter(({ kind, y }) => kind === "line" || kind === "bars" || (kind === "dots" && !lines.has(y)))) {
    const band = figure.marks.find((other) => other.kind === "band" && other.x === mark.x && other.color === mark.color);
    const grid = make("table", "table");
    const head = make("tr");
    head.append(make("th", "number", figure.x.label), make("th", "number", mark.name || figure.y.label));
    if (band) head.append(make("th", "number", t("from")), make("th", "number", t("to")));
    grid.append(make("caption", "visually-hidden", figure.title), head);
    const stride = Math.max(1, Math.ceil(arrays[mark.x].length / ROWS));
    for (let i = 0; i < arrays[mark.x].length; i += stride) {
      const row = make("tr");
      row.append(make("td", "number", number(arrays[mark.x][i])), make("td", "number", number(arrays[mark.y][i])));
      if (band) row.append(make("td", "number", number(arrays[band.low ?? band.y][i])), make("td", "number", number(arrays[band.y][i])));
      grid.append(row);
    }
    scroll.append(grid);
  }
  behind.replaceChildren(behind.querySelector("summary") ?? "", scroll);
}
