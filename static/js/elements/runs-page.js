// @ts-check
// The live list of runs: rows follow the stream, new runs appear, buttons know how many are ticked.

import { number, steps } from "../format.js";
import { subscribe } from "../stream.js";
import { t } from "../text.js";

const AGAIN_MS = 400;

class RunsPage extends HTMLElement {
  #leave = () => {};
  #timer = 0;
  /** @type {Set<string>} */
  #ticked = new Set();

  connectedCallback() {
    this.#leave = subscribe({ rows: true }, (id, delta) => this.#news(id, delta));
    this.addEventListener("change", (event) => this.#tick(/** @type {HTMLInputElement} */ (event.target)));
    document.addEventListener("htmx:after:swap", this.#keep);
    this.#remember();
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("htmx:after:swap", this.#keep);
  }

  /** @param {number} id @param {import("../stream.js").Delta} delta */
  #news(id, delta) {
    const row = this.querySelector(`[data-run="${id}"]`);
    const run = delta.run ?? {};
    if (delta.refetch || delta.deleted || (run.created && !row)) return this.#again();
    if (!row) return;
    const at = (/** @type {string} */ name) => /** @type {any} */ (row.querySelector(`[data-live=${name}]`));
    if (run.state) {
      at("state").textContent = run.state;
      at("state").dataset.state = run.state;
    }
    if (run.step !== undefined) at("step").textContent = steps(run.step);
    if (run.progress !== undefined) at("progress").value = run.progress;
    else if (run.step !== undefined && run.total_steps) at("progress").value = run.step / run.total_steps;
    const { latest } = run;
    const score = latest?.[at("score").dataset.score ?? "eval/mean_reward"];
    if (score !== undefined) at("score").textContent = number(score);
    const right = latest?.["eval/success_rate"];
    if (right !== undefined && at("right")) at("right").textContent = `${number(100 * right, 3)} %`;
    if (/finished|stopped|failed/.test(run.state ?? "")) this.#again();
  }

  /** Ask for the table again, keeping what is ticked. */
  #again() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      /** @type {any} */ (globalThis).htmx?.ajax("GET", location.pathname + location.search, { target: "#runs", swap: "outerMorph" });
    }, AGAIN_MS);
  }

  /** @param {HTMLInputElement} box */
  #tick(box) {
    if (box.matches("[data-select-all]")) for (const one of this.#boxes()) one.checked = box.checked;
    this.#remember();
  }

  #remember() {
    this.#ticked = new Set(this.#boxes().filter((box) => box.checked).map((box) => box.value));
    this.#count();
  }

  /** A fresh table comes without ticks. */
  #keep = () => {
    for (const box of this.#boxes()) box.checked = this.#ticked.has(box.value);
    this.#count();
  };

  /** @returns {HTMLInputElement[]} */
  #boxes() {
    return [...this.querySelectorAll("input[name=runs]")].map((box) => /** @type {HTMLInputElement} */ (box));
  }

  #count() {
    const ticked = this.#boxes().filter((box) => box.checked).length;
    const words = this.querySelector("[data-selected]");
    if (words) words.textContent = ticked ? t("{count} selected", { count: ticked }) : "";
    for (const button of this.querySelectorAll("[data-needs]")) {
      const needs = Number(/** @type {HTMLElement} */ (button).dataset.needs);
      /** @type {HTMLButtonElement} */ (button).disabled = ticked < needs;
    }
  }
}

customElements.define("runs-page", RunsPage);
