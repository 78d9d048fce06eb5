// @ts-check
// A table of texts and numbers that a panel put together; shares and signed numbers are coloured. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { css, diverging, ink, sequential } from "../colors.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

/** @typedef {{label: string, kind: "text" | "number" | "share" | "signed"}} Column */

class TextTable extends HTMLElement {
  #leave = () => {};
  /** @type {any} */
  #frame = null;
  #words = make("p", "caption");
  #scroll = make("div", "table-scroll text-table");

  connectedCallback() {
    this.#scroll.tabIndex = 0;
    this.replaceChildren(waiting(this));
    document.addEventListener("theme-change", this.#draw);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#draw);
  }

  /** @param {any} frame */
  #show(frame) {
    if (!frame.meta?.rows?.length) return;
    this.#frame = frame;
    this.#draw();
    if (!this.#scroll.isConnected) this.replaceChildren(this.#scroll, this.#words);
  }

  #draw = () => {
    if (!this.#frame) return;
    const { meta, step } = this.#frame;
    /** @type {Column[]} */
    const columns = meta.columns;
    const grid = make("table", "table");
    const head = make("tr");
    head.append(...columns.map((column) => heading(column)));
    const top = make("thead");
    top.append(head);
    const body = make("tbody");
    const most = columns.map((column, i) => (column.kind === "signed" ? Math.max(...meta.rows.map((/** @type {any[]} */ row) => Math.abs(row[i]))) || 1 : meta.most || 1));
    for (const row of meta.rows) {
      const line = make("tr");
      line.append(...row.map((/** @type {any} */ value, /** @type {number} */ i) => cell(value, columns[i].kind, most[i])));
      body.append(line);
    }
    grid.append(top, body);
    grid.setAttribute("aria-label", meta.words);
    this.#scroll.replaceChildren(grid);
    this.#words.textContent = `${t("step {step}", { step: steps(step) })} · ${meta.words}`;
  };
}

/** @param {Column} column */
function heading({ label, kind }) {
  const found = make("th", kind === "text" ? "" : "number", label);
  found.setAttribute("scope", "col");
  return found;
}

/** @param {any} value @param {string} kind @param {number} most */
function cell(value, kind, most) {
  if (kind === "text") return make("td", "mono text-cell", value);
  const found = make("td", "number", number(value, 3));
  const color = kind === "share" ? sequential(value / most) : kind === "signed" ? diverging(value / most) : null;
  if (color) Object.assign(found.style, { backgroundColor: css(color), color: ink(color) });
  return found;
}

customElements.define("text-table", TextTable);
