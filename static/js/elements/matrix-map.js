// @ts-check
// A matrix as a table of coloured numbers, with names for rows and columns. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { css, diverging, ink, sequential } from "../colors.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { formula, setFormula } from "../inspector-parts.js";
import { define } from "../loader.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

class MatrixMap extends HTMLElement {
  /** @type {any} */
  #frame = null;
  #leave = () => {};
  #rule = formula(true);
  #title = make("p", "small matrix-title");
  #scroll = make("div", "table-scroll");
  #words = make("p", "caption");

  connectedCallback() {
    this.#scroll.tabIndex = 0;
    this.replaceChildren(waiting(this));
    document.addEventListener("theme-change", this.#color);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#color);
  }

  /** @param {any} frame */
  #show(frame) {
    const { meta, arrays, step } = (this.#frame = frame);
    const grid = make("table", "table matrix");
    const head = make("tr");
    head.append(make("th", "muted", meta.corner), ...meta.cols.map((/** @type {string} */ name) => heading(name, "col")));
    grid.append(head);
    meta.rows.forEach((/** @type {string} */ name, /** @type {number} */ row) => {
      const line = make("tr");
      if (meta.pairs && row % meta.pairs === 0) line.dataset.first = "true";
      line.append(heading(name, "row"));
      for (let col = 0; col < meta.cols.length; col++) line.append(make("td", "number", number(arrays.values[row * meta.cols.length + col], 3)));
      grid.append(line);
    });
    grid.setAttribute("aria-label", meta.title);
    this.#title.textContent = meta.title;
    this.#words.textContent = `${t("step {step}", { step: steps(step) })} · ${meta.words}`;
    this.#scroll.replaceChildren(grid);
    if (meta.equation) setFormula(this.#rule, meta.equation);
    this.#rule.hidden = !meta.equation;
    if (!this.#scroll.isConnected) this.replaceChildren(this.#title, this.#rule, this.#scroll, this.#words);
    define(this);
    this.#color();
  }

  #color = () => {
    if (!this.#frame) return;
    const { meta, arrays } = this.#frame;
    const most = meta.signed ? Math.max(...arrays.values.map(Math.abs)) || 1 : 1;
    [...this.#scroll.querySelectorAll("td")].forEach((cell, i) => {
      const color = meta.signed ? diverging(arrays.values[i] / most) : sequential(arrays.values[i]);
      Object.assign(cell.style, { backgroundColor: css(color), color: ink(color) });
    });
  };
}

/** @param {string} text @param {string} scope */
function heading(text, scope) {
  const cell = make("th", scope === "col" ? "number" : "", text);
  cell.setAttribute("scope", scope);
  return cell;
}

customElements.define("matrix-map", MatrixMap);
