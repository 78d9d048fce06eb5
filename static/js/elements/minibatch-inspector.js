// @ts-check
// The loss with the numbers of one sample of the last minibatch in it, and a table of its samples to choose from.
// Attributes: run, panel, units (pairs of what a paused run can go on by, and its word).

import { post } from "../api.js";
import { make } from "../chart-frame.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { formula, setFormula, source } from "../inspector-parts.js";
import { define } from "../loader.js";
import { columnsOf, sampleIn, worked } from "../minibatch-parts.js";
import { t } from "../text.js";
import { toast } from "../toast.js";

class MinibatchInspector extends HTMLElement {
  #leave = () => {};
  /** @type {any} */
  #frame = null;
  #chosen = 0; // place in the order of contributions
  #name = `sample-${Math.random().toString(36).slice(2)}`;
  #hint = make("p", "muted small");
  #body = make("div", "inspector");
  #words = make("p", "small");
  #title = make("h3", "inspector-title");
  #place = make("p", "small");
  #lines = make("div", "minibatch-lines");
  #scroll = make("div", "table-scroll minibatch-table");
  #buttons = make("div", "button-group");
  #page = /** @type {HTMLElement | null} */ (null);
  #states = new MutationObserver(() => this.#turn());

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    const units = /** @type {[string, string][]} */ (JSON.parse(this.getAttribute("units") ?? "[]"));
    this.#buttons.replaceChildren(...units.filter(([unit]) => unit !== "episode").map(([unit, word]) => this.#button(run, unit, word)));
    this.#place.setAttribute("aria-live", "polite");
    this.#scroll.tabIndex = 0;
    this.#scroll.addEventListener("change", (event) => this.#choose(Number(/** @type {HTMLInputElement} */ (event.target).value)));
    this.#scroll.addEventListener("click", (event) => {
      const row = /** @type {Element} */ (event.target).closest("tbody tr");
      if (row) this.#choose([.../** @type {Element} */ (row.parentElement).children].indexOf(row));
    });
    this.#body.append(this.#words, this.#title, this.#place, this.#lines, this.#scroll);
    this.#body.hidden = true;
    this.replaceChildren(this.#buttons, this.#hint, this.#body);
    this.#page = this.closest("run-page");
    if (this.#page) this.#states.observe(this.#page, { attributeFilter: ["data-state"] });
    this.#turn();
    this.addEventListener("no-picture", (event) => {
      const why = /** @type {CustomEvent} */ (event).detail;
      if (why || this.#buttons.hidden) this.#hint.textContent = why || t("No update of it was kept.");
    });
    this.#leave = watchFrames({ run, panel: this.getAttribute("panel") ?? "minibatch" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    this.#states.disconnect();
  }

  #turn() {
    const state = this.#page?.dataset.state ?? "";
    for (const button of /** @type {Iterable<HTMLButtonElement>} */ (this.#buttons.children)) {
      button.disabled = state !== "paused";
      button.title = state === "paused" ? "" : t("Pause it first");
    }
    this.#buttons.hidden = /finished|stopped|failed/.test(state);
    if (state === "paused") this.closest("details")?.setAttribute("open", "");
    this.#hint.textContent = this.#buttons.hidden ? t("Loading…") : t("Pause and take one update.");
  }

  /** @param {number} run @param {string} unit @param {string} word */
  #button(run, unit, word) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "button", t("One {unit}", { unit: word })));
    button.type = "button";
    button.dataset.size = "small";
    button.addEventListener("click", async () => {
      const refusal = await post(`/runs/${run}/step`, { unit, count: 1 });
      if (refusal) toast(refusal, "bad");
    });
    return button;
  }

  /** @param {any} frame */
  #show(frame) {
    const { meta, step } = frame;
    if (!meta?.count) return;
    this.#frame = frame;
    this.#body.hidden = false;
    this.#hint.hidden = true;
    const facts = { step: steps(step), count: number(meta.count), loss: meta.loss, mean: number(meta.mean, 5) };
    const several = t("Step {step} · the last minibatch: {count} samples, whose mean is {loss} = {mean}", facts);
    const fewer = frame.shapes.rows[0] < meta.count ? ` · ${t("the {count} largest parts are shown", { count: frame.shapes.rows[0] })}` : "";
    this.#words.textContent = several + fewer + (meta.unit ? ` · ${t("values and returns in {unit}", { unit: meta.unit })}` : "");
    if (this.#lines.childElementCount !== meta.lines.length) this.#lines.replaceChildren(...meta.lines.map(lineOf));
    this.#scroll.replaceChildren(columnsOf(frame, this.#name));
    this.#choose(Math.min(this.#chosen, frame.shapes.rows[0] - 1));
  }

  /** @param {number} place */
  #choose(place) {
    const { meta } = this.#frame;
    this.#chosen = place;
    const { row, words } = sampleIn(this.#frame, place);
    this.#title.textContent = t("Sample {place} of {count}, by size of its part", { place: place + 1, count: number(meta.count) });
    this.#place.textContent = words;
    meta.lines.forEach((/** @type {any} */ line, /** @type {number} */ i) => {
      const [tex, link] = /** @type {HTMLElement[]} */ ([...this.#lines.children[i].children]);
      setFormula(tex, worked(line, row));
      source(/** @type {HTMLAnchorElement} */ (link), { ...line, algorithm: meta.algorithm });
    });
    const inputs = /** @type {HTMLInputElement[]} */ ([...this.#scroll.querySelectorAll("input")]);
    inputs.forEach((input, i) => {
      input.checked = i === place;
      input.closest("tr")?.toggleAttribute("data-chosen", i === place);
    });
    define(this);
  }
}

function lineOf() {
  const line = make("div", "minibatch-line");
  line.append(formula(true), make("a", "inspector-source"));
  return line;
}

customElements.define("minibatch-inspector", MinibatchInspector);
