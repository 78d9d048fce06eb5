// @ts-check
// One forward pass of a transformer: attention of a layer and head, and what the stream holds after that layer.
// Attributes: run, panel.

import { make } from "../chart-frame.js";
import { css, diverging, ink, sequential } from "../colors.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

class AttentionMap extends HTMLElement {
  #leave = () => {};
  /** @type {any} */
  #frame = null;
  #layer = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #head = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #looks = make("div", "table-scroll attention");
  #stream = make("div", "table-scroll stream");
  #words = make("p", "small");
  #caption = make("p", "caption");

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#looks.tabIndex = this.#stream.tabIndex = 0;
    for (const select of [this.#layer, this.#head]) select.addEventListener("change", () => this.#draw());
    this.#looks.addEventListener("pointerover", (event) => this.#tell(/** @type {HTMLElement} */ (event.target)));
    document.addEventListener("theme-change", this.#draw);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "attention" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#draw);
  }

  /** @param {any} frame */
  #show(frame) {
    const { meta } = frame;
    if (!meta?.layers) return;
    this.#frame = frame;
    fill(this.#layer, meta.layers);
    fill(this.#head, meta.heads);
    if (!this.#looks.isConnected) {
      const bar = make("div", "row");
      for (const [name, select] of /** @type {[string, HTMLElement][]} */ ([[t("Layer"), this.#layer], [t("Head"), this.#head]])) {
        const label = make("label", "row small", name);
        label.append(select);
        bar.append(label);
      }
      this.replaceChildren(bar, this.#looks, this.#words, make("h3", "inspector-title", t("The stream after this layer")), this.#stream, this.#caption);
    }
    this.#draw();
  }

  #draw = () => {
    if (!this.#frame) return;
    const { meta, step } = this.#frame;
    const { tokens } = meta;
    const [layer, head] = [Number(this.#layer.value), Number(this.#head.value)];
    const size = tokens.length;
    const grid = make("table", "table matrix attention-grid");
    grid.setAttribute("aria-label", t("Attention of layer {layer}, head {head}: a row gathers from the columns before it", { layer: layer + 1, head: head + 1 }));
    const top = make("tr");
    grid.style.setProperty("--columns", String(size + 1));
    top.append(make("th"), ...tokens.map((/** @type {string} */ token) => named(token, "col")));
    grid.append(top);
    for (let row = 0; row < size; row++) {
      const line = make("tr");
      line.append(named(tokens[row], "row"));
      for (let column = 0; column < size; column++) {
        const value = column > row ? null : this.#at(row, column);
        const cell = make("td", "number", value === null ? "" : String(Math.round(100 * value)));
        if (value !== null) paint(cell, sequential(value));
        Object.assign(cell.dataset, { row: String(row), column: String(column) });
        line.append(cell);
      }
      grid.append(line);
    }
    this.#looks.replaceChildren(grid);
    this.#drawStream(layer);
    this.#caption.textContent = t("step {step} · the likeliest completion of one held-out prompt; a row gathers from the columns before it: percent, together 100", { step: steps(step) });
  };

  /** Weight of the layer and head that are chosen. @param {number} row @param {number} column */
  #at(row, column) {
    const { meta, arrays, shapes } = this.#frame;
    const size = shapes.attention[1];
    return arrays.attention[((Number(this.#layer.value) * meta.heads + Number(this.#head.value)) * size + row) * size + column];
  }

  /** @param {number} layer */
  #drawStream(layer) {
    const { meta, arrays, shapes } = this.#frame;
    const [, rows, width] = shapes.stream;
    const part = arrays.stream.subarray(layer * rows * width, (layer + 1) * rows * width);
    const most = Math.max(...part.map(Math.abs)) || 1;
    const grid = make("table", "table matrix stream-grid");
    grid.setAttribute("aria-label", t("Numbers of the stream after layer {layer}, a row for each position", { layer: layer + 1 }));
    for (let row = 0; row < meta.tokens.length; row++) {
      const line = make("tr");
      line.append(named(meta.tokens[row], "row"));
      for (let column = 0; column < width; column++) {
        const cell = make("td");
        cell.title = number(part[row * width + column], 3);
        paint(cell, diverging(part[row * width + column] / most));
        line.append(cell);
      }
      grid.append(line);
    }
    this.#stream.replaceChildren(grid);
  }

  /** @param {HTMLElement} target */
  #tell(target) {
    if (target.dataset.row === undefined || !target.textContent) return;
    const { tokens } = this.#frame.meta;
    const [row, column] = [Number(target.dataset.row), Number(target.dataset.column)];
    this.#words.textContent = t("“{to}” at {row} gathers {share} of what it gets from “{from}” at {column}", {
      to: tokens[row], row: row + 1, share: number(this.#at(row, column), 3), from: tokens[column], column: column + 1,
    });
  }
}

/** @param {HTMLSelectElement} select @param {number} count */
function fill(select, count) {
  if (select.options.length !== count) select.replaceChildren(...Array.from({ length: count }, (_unused, i) => new Option(String(i + 1), String(i))));
}

/** @param {HTMLElement} cell @param {number[]} color */
const paint = (cell, color) => Object.assign(cell.style, { backgroundColor: css(color), color: ink(color) });

/** @param {string} token @param {string} scope */
function named(token, scope) {
  const cell = make("th", "mono", token);
  cell.setAttribute("scope", scope);
  return cell;
}

customElements.define("attention-map", AttentionMap);
