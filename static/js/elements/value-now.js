// @ts-check
// What a scheduled hyperparameter is worth now, or was worth at the moment that is shown. Attributes: run, scalar, configured;
// it says nothing while the value is the configured one.

import { number } from "../format.js";
import { momentOf, placeOf } from "../moment.js";
import { curvesOf } from "../series.js";
import { t } from "../text.js";

const SAME = 1e-9;

class ValueNow extends HTMLElement {
  /** @type {(() => void)[]} */
  #leave = [];

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    const show = () => this.#show(run);
    this.#leave = [curvesOf(run).listen([this.#scalar], show), momentOf(run).watch(show)];
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
  }

  get #scalar() {
    return this.getAttribute("scalar") ?? "";
  }

  /** @param {number} run */
  #show(run) {
    const [curve, { at }] = [curvesOf(run).curves.get(this.#scalar), momentOf(run)];
    if (!curve) return;
    const { steps, values } = curve;
    const is_before = !steps.length || (at !== null && at < steps[0]);
    const value = is_before ? null : (values[at === null ? steps.length - 1 : placeOf(steps, at)] ?? null);
    const configured = Number(this.getAttribute("configured"));
    const is_same = value === null || Math.abs(value - configured) <= SAME * Math.abs(configured);
    const words = is_same ? "" : at === null ? t("now {value}", { value: number(value) }) : t("then {value}", { value: number(value) });
    if (this.textContent !== words) this.textContent = words;
  }
}

customElements.define("value-now", ValueNow);
