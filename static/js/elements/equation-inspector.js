// @ts-check
// The update rule with the numbers of the last step in it, what it changed, and the line that did it.
// Attributes: run, panel, units (pairs of what a paused run can go on by, and its word).

import { post } from "../api.js";
import { diagramOf } from "../backup-diagram.js";
import { tellStep } from "../cell-flash.js";
import { make } from "../chart-frame.js";
import { watchFrames } from "../frames.js";
import { change, formula, happened, setFormula, source, terms } from "../inspector-parts.js";
import { define } from "../loader.js";
import { momentOf } from "../moment.js";
import { t } from "../text.js";
import { toast } from "../toast.js";

const ASKED_MS = 5000;

class EquationInspector extends HTMLElement {
  #leave = () => {};
  #asked_at = -Infinity;
  #step = -1;
  #shape = "";
  #hint = make("p", "muted small", t("Pause and press Step."));
  #body = make("div", "inspector");
  #words = make("p", "small");
  #note = make("p", "notice small");
  #rule = formula(true);
  #numbers = formula(true);
  #change = make("p", "inspector-change");
  #terms = make("dl", "inspector-terms");
  #link = /** @type {HTMLAnchorElement} */ (make("a", "inspector-source"));
  #diagram = make("div");
  /** @type {HTMLButtonElement[]} */
  #buttons = [];
  #page = /** @type {HTMLElement | null} */ (null);
  #states = new MutationObserver(() => this.#turn());

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    const group = make("div", "button-group");
    const units = /** @type {[string, string][]} */ (JSON.parse(this.getAttribute("units") ?? "[]"));
    this.#buttons = units.map(([unit, word]) => {
      const button = /** @type {HTMLButtonElement} */ (make("button", "button", t("One {unit}", { unit: word })));
      button.type = "button";
      button.dataset.size = "small";
      button.addEventListener("click", () => this.#go(run, unit));
      return button;
    });
    group.append(...this.#buttons);
    this.#change.setAttribute("aria-live", "polite");
    const below = make("div", "inspector-below");
    const result = make("div", "inspector-result");
    result.append(this.#change, this.#link);
    below.append(result, this.#diagram);
    this.#body.append(this.#words, title(t("The rule")), this.#rule, title(t("With this step's numbers")), this.#numbers, this.#note, below, this.#terms);
    this.#body.hidden = true;
    this.replaceChildren(group, this.#hint, this.#body);
    define(this);
    this.#page = this.closest("run-page");
    if (this.#page) this.#states.observe(this.#page, { attributeFilter: ["data-state"] });
    this.#turn();
    this.#leave = watchFrames({ run, panel: this.getAttribute("panel") ?? "inspector" }, (frame) => this.#show(run, frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    this.#states.disconnect();
  }

  get #is_paused() {
    return this.#page?.dataset.state === "paused";
  }

  #turn() {
    const is_ended = /finished|stopped|failed/.test(this.#page?.dataset.state ?? "");
    for (const button of this.#buttons) {
      button.disabled = !this.#is_paused;
      button.title = this.#is_paused ? "" : t("Pause it first");
    }
    /** @type {HTMLElement} */ (this.firstElementChild).hidden = is_ended;
    const empty = is_ended ? t("Nothing was inspected before this run ended. Start one, pause it and press Step.") : t("Pause and press Step.");
    this.#hint.textContent = empty;
  }

  /** @param {number} run @param {string} unit */
  async #go(run, unit) {
    this.#asked_at = performance.now();
    const refusal = await post(`/runs/${run}/step`, { unit, count: 1 });
    if (refusal) toast(refusal, "bad");
  }

  /** @param {number} run @param {any} frame */
  #show(run, { meta, step }) {
    if (!meta?.equation) return;
    this.#body.hidden = false;
    this.#hint.hidden = true;
    this.#words.textContent = happened(meta, step);
    setFormula(this.#rule, `${meta.equation} \\qquad (${meta.number})`);
    for (const part of [this.#numbers, this.#numbers.previousElementSibling, this.#change]) part?.toggleAttribute("hidden", !meta.has_update);
    this.#note.hidden = !meta.note || step === 0;
    this.#note.textContent = meta.note;
    if (meta.has_update) {
      const worked = meta.numbers.replace("\\leftarrow", "&\\leftarrow");
      setFormula(this.#numbers, `\\begin{aligned}${worked}\\\\ &= ${Number(meta.result?.toPrecision(6))}\\end{aligned}`);
      change(this.#change, meta);
    }
    terms(this.#terms, meta.has_update ? meta.terms : []);
    source(this.#link, meta);
    if (this.#shape !== meta.backup) this.#diagram.replaceChildren(diagramOf((this.#shape = meta.backup)));
    define(this);
    const is_asked = performance.now() - this.#asked_at < ASKED_MS;
    const is_new = (is_asked || (this.#is_paused && this.#step >= 0)) && this.#step !== step;
    if (meta.has_update && is_new) tellStep(run, meta.state);
    if (is_new && momentOf(run).at === null) this.#come();
    this.#step = step;
  }

  /** Come into view after a step, where most of it lies outside. */
  #come() {
    const { top } = this.#words.getBoundingClientRect();
    const { bottom } = this.#change.getBoundingClientRect();
    if (top >= 0 && bottom <= innerHeight) return;
    const is_still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scrollIntoView({ block: "nearest", behavior: is_still ? "auto" : "smooth" });
  }
}

/** @param {string} text */
const title = (text) => make("h3", "inspector-title", text);

customElements.define("equation-inspector", EquationInspector);
