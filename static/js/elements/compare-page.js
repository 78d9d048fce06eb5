// @ts-check
// Controls shared by every chart and every map of the comparison.

import { shareScale } from "../shared-scale.js";

class ComparePage extends HTMLElement {
  connectedCallback() {
    for (const control of this.querySelectorAll("[data-axis], [data-smooth]")) {
      const name = control.matches("[data-axis]") ? "axis" : "smooth";
      const apply = () => {
        for (const chart of this.querySelectorAll("curve-chart")) chart.setAttribute(name, /** @type {HTMLInputElement} */ (control).value);
      };
      control.addEventListener("input", apply);
      apply();
    }
    const maps = /** @type {HTMLElement | null} */ (this.querySelector("[data-scale]"));
    const one_scale = /** @type {HTMLInputElement | null} */ (this.querySelector("[data-one-scale]"));
    one_scale?.addEventListener("change", () => maps && shareScale(maps, one_scale.checked));
  }
}

customElements.define("compare-page", ComparePage);
