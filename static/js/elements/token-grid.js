// @ts-check
// Completions token by token, coloured by a number that is chosen; all numbers of a token on hover and focus.
// It is a table, walked through with the arrow keys. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { css, diverging, ink, sequential } from "../colors.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import { nothingYet, waiting } from "../waiting.js";

const MOVES = new Map([["ArrowUp", [-1, 0]], ["ArrowDown", [1, 0]], ["ArrowLeft", [0, -1]], ["ArrowRight", [0, 1]]]);

class TokenGrid extends HTMLElement {
  #leave = () => {};
  /** @type {any} */
  #frame = null;
  #shown = 0; // column of the numbers
  #select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #scroll = make("div", "table-scroll token-grid");
  #words = make("p", "small token-words");
  #caption = make("p", "caption");

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#select.addEventListener("change", () => {
      this.#shown = Number(this.#select.value);
      this.#draw();
    });
    this.#words.setAttribute("aria-live", "polite");
    for (const kind of ["pointerover", "focusin"]) this.#scroll.addEventListener(kind, (event) => this.#tell(/** @type {Element} */ (event.target)));
    this.#scroll.addEventListener("keydown", (event) => this.#walk(event));
    document.addEventListener("theme-change", this.#draw);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "token_numbers" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#draw);
  }

  /** @param {any} frame */
  #show(frame) {
    const { meta } = frame;
    if (!meta?.count) return void (this.#frame && this.replaceChildren(nothingYet()));
    this.#frame = frame;
    if (this.#select.options.length !== meta.columns.length) {
      this.#select.replaceChildren(...meta.columns.map((/** @type {any} */ one, /** @type {number} */ i) => new Option(one.label, String(i))));
      this.#shown = Math.min(this.#shown, meta.columns.length - 1);
    }
    if (!this.#scroll.isConnected) {
      const label = make("label", "row small", t("Colour"));
      label.append(this.#select);
      this.replaceChildren(label, this.#scroll, this.#words, this.#caption);
    }
    this.#draw();
  }

  #draw = () => {
    if (!this.#frame) return;
    const { meta, shapes, step } = this.#frame;
    const at = this.#place(document.activeElement);
    const [, width] = shapes.numbers;
    const kind = meta.columns[this.#shown].kind;
    const values = this.#frame.arrays.numbers.filter((/** @type {number} */ _one, /** @type {number} */ i) => i % meta.columns.length === this.#shown);
    const most = Math.max(...values.map((/** @type {number} */ one) => Math.abs(kind === "around_one" ? one - 1 : one)), 1e-9);
    const grid = make("table", "table");
    grid.setAttribute("aria-label", t("Tokens of the last update, coloured by: {what}", { what: meta.columns[this.#shown].label }));
    for (let row = 0; row < meta.count; row++) {
      const line = make("tr");
      const head = make("th", "mono", meta.prompts[row]);
      head.setAttribute("scope", "row");
      line.append(head);
      for (let column = 0; column < width; column++) line.append(this.#cell(row, column, kind, most));
      grid.append(line);
    }
    this.#scroll.replaceChildren(grid);
    const [row, column] = at ?? [0, 0];
    const first = this.#at(row, column) ?? this.#at(0, 0);
    if (first) first.tabIndex = 0;
    if (at) first?.focus();
    this.#caption.textContent = t("step {step} · {count} completions of the last update; arrow keys read tokens · signed numbers: red is above 0, blue below", { step: steps(step), count: meta.count });
  };

  /** @param {number} row @param {number} column @param {string} kind @param {number} most */
  #cell(row, column, kind, most) {
    const { meta, arrays, shapes } = this.#frame;
    const [, width, count] = shapes.numbers;
    const found = make("td", "mono token", meta.tokens[row][column]);
    found.tabIndex = -1;
    Object.assign(found.dataset, { row: String(row), column: String(column) });
    if (!arrays.own[row * width + column]) {
      found.dataset.own = "false";
      return found;
    }
    const value = arrays.numbers[(row * width + column) * count + this.#shown];
    const share = (kind === "around_one" ? value - 1 : value) / most;
    const color = kind === "signed" || kind === "around_one" ? diverging(share) : sequential(kind === "falling" ? 1 + share : share);
    Object.assign(found.style, { backgroundColor: css(color), color: ink(color) });
    return found;
  }

  /** @param {Element | null} element @returns {[number, number] | null} */
  #place(element) {
    const cell = /** @type {HTMLElement | null | undefined} */ (element?.closest?.("td.token"));
    return cell && this.contains(cell) ? [Number(cell.dataset.row), Number(cell.dataset.column)] : null;
  }

  /** @param {number} row @param {number} column @returns {HTMLElement | null} */
  #at(row, column) {
    return this.#scroll.querySelector(`[data-row="${row}"][data-column="${column}"]`);
  }

  /** @param {Element} target */
  #tell(target) {
    const place = this.#place(target);
    if (!place) return;
    const [row, column] = place;
    const { meta, arrays, shapes } = this.#frame;
    const [, width, count] = shapes.numbers;
    const from = (row * width + column) * count;
    const name = t("token {place} of {prompt}", { place: column + 1, prompt: meta.prompts[row] });
    if (!arrays.own[row * width + column]) return void (this.#words.textContent = `${name}: ${t("not written by the model, in no loss")}`);
    const parts = meta.columns.map((/** @type {any} */ one, /** @type {number} */ i) => `${one.label} ${number(arrays.numbers[from + i], 4)}`);
    const [ratio, advantage] = [arrays.numbers[from + meta.ratio], arrays.numbers[from + meta.advantage]];
    const is_clipped = meta.clip && ((advantage > 0 && ratio > 1 + meta.clip) || (advantage < 0 && ratio < 1 - meta.clip));
    this.#words.textContent = `${name} “${meta.tokens[row][column]}”: ${parts.join(" · ")}${meta.clip ? ` · ${is_clipped ? t("outside the clip interval after the step: another pass would leave it alone") : t("within the clip interval")}` : ""}`;
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const [move, place] = [MOVES.get(event.key), this.#place(/** @type {Element} */ (event.target))];
    const next = move && place && this.#at(place[0] + move[0], place[1] + move[1]);
    if (!next) return;
    event.preventDefault();
    for (const cell of this.#scroll.querySelectorAll("td.token[tabindex='0']")) /** @type {HTMLElement} */ (cell).tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

customElements.define("token-grid", TokenGrid);
