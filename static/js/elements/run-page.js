// @ts-check
// The live part of a run's page: state, progress, log and controls follow the stream; tabs choose what is drawn.

import { number, steps } from "../format.js";
import { momentOf } from "../moment.js";
import { subscribe } from "../stream.js";
import { t } from "../text.js";
import { worldsOf } from "../worlds.js";

const PART_MS = 150;
const NARROW = "(max-width: 55.99rem)"; // one column: what is far below is opened by whoever wants it
const OPEN_MENU = ".panel-menu:popover-open, .panel-menu:not([popover])";

class RunPage extends HTMLElement {
  /** @type {(() => void)[]} */
  #leave = [];
  /** @type {Set<string>} */
  #parts = new Set();
  #timer = 0;

  get #run() {
    return Number(this.getAttribute("run"));
  }

  connectedCallback() {
    const run = this.#run;
    const unsubscribe = subscribe({ runs: [run] }, (_id, delta) => this.#news(delta));
    this.#leave = [unsubscribe, momentOf(run).watch(() => this.#world()), worldsOf(run).watch(() => this.#worlds())];
    this.addEventListener("click", (event) => this.#tab(/** @type {Element} */ (event.target)));
    this.addEventListener("change", (event) => this.#look(/** @type {HTMLInputElement} */ (event.target)));
    this.addEventListener("input", (event) => this.#speed(/** @type {HTMLInputElement} */ (event.target)));
    this.#look(/** @type {HTMLInputElement} */ (this.querySelector("[data-smooth]")));
    document.addEventListener("htmx:after:swap", this.#turn);
    if (matchMedia(NARROW).matches) for (const fold of this.querySelectorAll(".panel-fold")) fold.removeAttribute("open");
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
    document.removeEventListener("htmx:after:swap", this.#turn);
  }

  /** @param {import("../stream.js").Delta} delta */
  #news(delta) {
    const run = delta.run ?? {};
    if (delta.deleted) location.href = "/runs";
    if (run.state || run.reason !== undefined || run.queue_position !== undefined || run.receipt) this.#refresh("header");
    if (delta.refetch) this.#refresh("header", "events", "checkpoints");
    if (delta.events) this.#refresh("events");
    if (delta.checkpoints) this.#refresh("checkpoints", "header", "menus");
    if (run.step !== undefined) this.#say("step", number(run.step));
    if (run.fps) this.#say("fps", `· ${steps(run.fps)} ${t("steps/s")}`);
    const bar = /** @type {HTMLProgressElement | null} */ (this.querySelector("[data-live=progress]"));
    if (bar && run.step !== undefined) bar.value = Math.min(1, run.step / Number(bar.dataset.total));
  }

  /** Follow the state that the header says; an ended run has nothing left to edit or to save. */
  #turn = () => {
    this.#world();
    const state = /** @type {HTMLElement | null} */ (this.querySelector("#run-header"))?.dataset.state;
    if (!state || state === this.dataset.state) return;
    this.dataset.state = state;
    if (!/finished|stopped|failed/.test(state)) return;
    this.#refresh("edit", "menus");
    for (const part of this.querySelectorAll("[data-while-open]")) part.setAttribute("hidden", "");
  };

  /** The world has changed: dashed lines hold for its part of the curve. */
  #worlds() {
    const lines = JSON.stringify(worldsOf(this.#run).references);
    for (const chart of this.querySelectorAll("curve-chart[references]")) {
      if (chart.getAttribute("references") !== lines) chart.setAttribute("references", lines);
    }
    this.#world();
  }

  /** Say which world it is, at the moment that is shown. */
  #world() {
    const world = worldsOf(this.#run).at(momentOf(this.#run).at);
    if (!world) return;
    this.#say("world", world.words && `${world.words} · `);
    this.querySelector("[data-live=world]")?.setAttribute("title", world.change);
  }

  /** @param {string} name @param {string} text */
  #say(name, text) {
    const element = this.querySelector(`[data-live=${name}]`);
    if (element) element.textContent = text;
  }

  /** Fetch parts of the page again, several announcements at once. @param {string[]} parts */
  #refresh(...parts) {
    for (const part of parts) this.#parts.add(part);
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const htmx = /** @type {any} */ (globalThis).htmx;
      for (const part of this.#parts) {
        if (part === "menus" && this.querySelector(OPEN_MENU)) continue; // what is being filled in stays
        const url = `/runs/${this.getAttribute("run")}/parts/${part}`;
        htmx?.ajax("GET", url, { source: `#run-${part}`, target: `#run-${part}`, swap: "outerMorph" });
      }
      this.#parts.clear();
    }, PART_MS);
  }

  /** @param {Element} target */
  #tab(target) {
    const tab = /** @type {HTMLElement | null} */ (target.closest("[data-mode], [data-lead]"));
    if (!tab) return;
    for (const other of tab.parentElement?.children ?? []) other.setAttribute("aria-pressed", String(other === tab));
    if (tab.dataset.mode) tab.closest("section")?.querySelector("[panel]")?.setAttribute("mode", tab.dataset.mode);
    if (tab.dataset.lead) {
      for (const chart of this.querySelectorAll("curve-chart[data-size=large]")) {
        chart.toggleAttribute("hidden", chart.getAttribute("scalar") !== tab.dataset.lead);
      }
    }
  }

  /** @param {HTMLInputElement} control */
  #look(control) {
    const name = control?.matches("[data-axis]") ? "axis" : control?.matches("[data-smooth]") ? "smooth" : "";
    if (name) for (const chart of this.querySelectorAll("curve-chart")) chart.setAttribute(name, control.value);
  }

  /** Say the speed while the slider moves. @param {HTMLInputElement} control */
  #speed(control) {
    if (control.matches("[data-smooth]")) this.#look(control);
    if (control.id !== "speed") return;
    const speed = (control.dataset.speeds ?? "").split("|")[Number(control.value)];
    const text = speed === "full" ? t("full speed") : t("{speed} steps/s", { speed: number(Number(speed)) });
    control.setAttribute("aria-valuetext", text);
    const output = control.form?.querySelector("output");
    if (output) output.textContent = text;
  }
}

customElements.define("run-page", RunPage);
