// @ts-check
// The truth of a world: V* for a discount that the viewer chooses, beside what is true of the policy now.
// Attributes: run, panel, environment.

import { json } from "../api.js";
import { make } from "../chart-frame.js";
import { Solver } from "../editor-solver.js";
import { number } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import "./grid-map.js";

const WAIT_MS = 60;
const DIGITS = 3;
const MOST = 1000; // positions of the slider: γ in thousandths

class GammaTruth extends HTMLElement {
  #leave = () => {};
  /** @type {number | null} γ of the run */
  #own = null;
  #timer = 0;
  #turn = 0;
  #slider = /** @type {HTMLInputElement} */ (make("input"));
  #words = /** @type {HTMLOutputElement} */ (make("output", "muted"));
  #back = /** @type {HTMLButtonElement} */ (make("button", "button", t("As in the run")));
  #best = make("grid-map");
  /** @type {Solver | null} */
  #solver = null;

  connectedCallback() {
    const [run, panel] = [this.getAttribute("run") ?? "", this.getAttribute("panel") ?? "truth"];
    Object.assign(this.#slider, { type: "range", min: "0", max: String(MOST), step: "1", disabled: true });
    this.#slider.setAttribute("aria-label", t("Discount γ of V*"));
    this.#slider.addEventListener("input", () => this.#move());
    Object.assign(this.#back, { type: "button", hidden: true });
    this.#back.dataset.size = "small";
    this.#back.addEventListener("click", () => this.#reset());
    this.#solver = new Solver(this.getAttribute("environment") ?? "", (answer, faults) => this.#told(answer, faults));
    const [bar, maps, now] = [make("div", "truth-bar"), make("div", "truth-maps"), make("grid-map")];
    bar.append(make("span", "", "γ"), this.#slider, this.#words, this.#back);
    for (const map of [this.#best, now]) {
      map.setAttribute("run", run);
      map.setAttribute("panel", panel);
    }
    this.#best.setAttribute("mode", "optimal");
    now.setAttribute("first", "of_policy");
    maps.append(titled(t("V* and the best policy"), this.#best), titled(t("The policy now"), now));
    this.replaceChildren(bar, maps);
    this.#leave = watchFrames({ run: Number(run), panel }, ({ meta }) => this.#follow(meta.gamma));
  }

  disconnectedCallback() {
    this.#leave();
    clearTimeout(this.#timer);
  }

  get #gamma() {
    return Number(this.#slider.value) / MOST;
  }

  /** A frame came: the slider stands at the run's γ until a viewer moves it. @param {number} gamma */
  #follow(gamma) {
    const is_new = gamma !== this.#own;
    this.#own = gamma;
    if (is_new && this.#back.hidden) this.#reset();
  }

  #reset() {
    if (this.#own === null) return;
    this.#slider.disabled = false;
    this.#slider.value = String(this.#own * MOST);
    this.#back.hidden = true;
    /** @type {any} */ (this.#best).overlay = null;
    this.#label("");
    this.#ask(this.#own);
  }

  #move() {
    this.#back.hidden = false;
    this.#label("");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(this.#gamma), WAIT_MS);
  }

  /** @param {number} gamma */
  async #ask(gamma) {
    const turn = ++this.#turn;
    const run = await json(`/runs/${this.getAttribute("run")}`).catch(() => null); // its world may have been edited
    if (run && turn === this.#turn) this.#solver?.ask({ environment_config: run.environment_config, gamma });
  }

  /** @param {import("../editor-solver.js").Answer | null} answer @param {import("../editor-solver.js").Fault[]} faults */
  #told(answer, faults) {
    if (!answer) return this.#label(faults.map((fault) => `${fault.rule}. ${fault.way_out}`).join(" "));
    this.#label(t("V* at the start {value} (discounted with this γ, without a time limit)", { value: number(answer.start_value, 4) }));
    if (this.#back.hidden) return;
    /** @type {any} */ (this.#best).overlay = { optimal: Float32Array.from(answer.v), policy: policyOf(answer.policy, answer.n_actions) };
  }

  /** @param {string} more */
  #label(more) {
    const gamma = this.#back.hidden ? (this.#own ?? 0) : this.#gamma;
    this.#slider.setAttribute("aria-valuetext", String(gamma));
    this.#words.value = [gamma.toFixed(DIGITS), more].filter(Boolean).join(" · ");
  }
}

/** The best actions of every state as probabilities. @param {number[][]} best @param {number} n_actions */
function policyOf(best, n_actions) {
  const policy = new Float32Array(best.length * n_actions);
  best.forEach((actions, state) => actions.forEach((action) => (policy[state * n_actions + action] = 1 / actions.length)));
  return policy;
}

/** @param {string} title @param {HTMLElement} map */
function titled(title, map) {
  const part = make("div");
  part.append(make("h3", "inspector-title", title), map);
  return part;
}

customElements.define("gamma-truth", GammaTruth);
