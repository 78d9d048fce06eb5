// @ts-check
// The arms of a bandit on one axis of rewards: belief as a band, estimate as a dot, true mean as a line. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { extent } from "../curves.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

class ArmBands extends HTMLElement {
  #leave = () => {};
  #rows = make("div", "arms");
  #axis = make("p", "arms-axis");
  #words = make("p", "caption");

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#rows.setAttribute("role", "list");
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "arms" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
  }

  /** @param {any} frame */
  #show({ meta, arrays, step }) {
    const [low, high] = extent([...arrays.truth, ...arrays.estimate, ...arrays.low, ...arrays.high].filter(Number.isFinite)) ?? [0, 1];
    const share = (/** @type {number} */ value) => `${(100 * Math.min(Math.max((value - low) / (high - low || 1), 0), 1)).toFixed(2)}%`;
    if (this.#rows.childElementCount !== meta.arms.length) this.#rows.replaceChildren(...meta.arms.map(rowOf));
    meta.arms.forEach((/** @type {string} */ _name, /** @type {number} */ arm) => {
      const [, track, figures] = /** @type {HTMLElement[]} */ ([...this.#rows.children[arm].children]);
      const [band, truth, dot] = /** @type {HTMLElement[]} */ ([...track.children]);
      band.style.insetInlineStart = share(arrays.low[arm]);
      band.style.insetInlineEnd = `calc(100% - ${share(arrays.high[arm])})`;
      truth.style.insetInlineStart = share(arrays.truth[arm]);
      dot.style.insetInlineStart = share(arrays.estimate[arm]);
      const liking = arrays.preferences ? t("preference {value}", { value: number(arrays.preferences[arm], 3) }) : "";
      const parts = [t("{estimate} (true {truth})", { estimate: number(arrays.estimate[arm], 3), truth: number(arrays.truth[arm], 3) }), liking, t("pulled {share} %", { share: number(100 * arrays.chance[arm], 3) })];
      figures.textContent = parts.filter(Boolean).join(" · ");
    });
    this.#axis.replaceChildren(make("span", "", number(low, 3)), make("span", "", t("reward")), make("span", "", number(high, 3)));
    this.#words.textContent = `${t("step {step}", { step: steps(step) })} · ${meta.words}`;
    if (!this.#rows.isConnected) this.replaceChildren(this.#rows, this.#axis, this.#words);
  }
}

/** @param {string} name */
function rowOf(name) {
  const row = make("div", "arm");
  row.setAttribute("role", "listitem");
  const track = make("div", "arm-track");
  track.append(make("span", "arm-band"), make("span", "arm-truth"), make("span", "arm-dot"));
  row.append(make("span", "arm-name", name), track, make("span", "arm-figures", ""));
  return row;
}

customElements.define("arm-bands", ArmBands);
