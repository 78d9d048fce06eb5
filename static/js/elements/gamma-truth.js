// @ts-check
// The truth of a world: V* for a discount that the viewer chooses, beside what is true of the policy now.
// Attributes: run, panel, environment.

import { make } from "../chart-frame.js";
import { Solver } from "../editor-solver.js";
import { number } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import { worldsOf } from "../worlds.js";
import "./grid-map.js";

const WAIT_MS = 60;
const DIGITS = 3;
const MOST = 1000; // positions of the slider: γ in thousandths

class GammaTruth extends HTMLElement {
  /** @type {(() => void)[]} */
  #leave = [];
  /** @type {number | null} γ of the run */
  #own = null;
  /** @type {import("../worlds.js").World | null} the world that was asked about */
  #world = null;
  #step = 0; // of the picture that is shown
  #timer = 0;
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
    this.#leave = [watchFrames({ run: Number(run), panel }, (picture) => this.#follow(picture), this), this.#worlds.watch(() => this.#turn())];
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
    clearTimeout(this.#timer);
  }

  get #gamma() {
    return Number(this.#slider.value) / MOST;
  }

  get #worlds() {
    return worldsOf(Number(this.getAttribute("run")));
  }

  /** A picture came: the slider stands at the run's γ until a viewer moves it. @param {import("../api.js").Picture} picture */
  #follow({ meta, step }) {
    const is_new = meta.gamma !== this.#own;
    [this.#own, this.#step] = [meta.gamma, step];
    if (is_new && this.#back.hidden) this.#reset();
    else this.#turn();
  }

  /** The picture may be of another world than that which was asked about. */
  #turn() {
    if (this.#own !== null && this.#worlds.at(this.#step) !== this.#world) this.#ask(this.#gamma);
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

  /** Ask about the world that the picture is of. @param {number} gamma */
  #ask(gamma) {
    this.#world = this.#worlds.at(this.#step);
    if (this.#world) this.#solver?.ask({ environment_config: this.#world.environment_config, step: this.#world.from_step, gamma });
  }

  /** @param {import("../editor-solver.js").Answer | null} answer @param {import("../editor-solver.js").Fault[]} faults */
  #told(answer, faults) {
    if (!answer) return this.#label(faults.map((fault) => `${fault.rule}. ${fault.way_out}`).join(" "));
    this.#label(t("V* at the start {value} (discounted with this γ, without a time limit)", { value: number(answer.start_value, 4) }));
    if (this.#back.hidden) return;
    /** @type {any} */ (this.#best).overlay = {
      arrays: { optimal: Float32Array.from(answer.v), policy: policyOf(answer.policy, answer.n_actions) },
      meta: { gamma: answer.gamma },
    };
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
