// @ts-check
// Controls shared by every chart of the comparison.

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
  }
}

customElements.define("compare-page", ComparePage);
