// @ts-check
// A formula: LaTeX text in the page, set by KaTeX once it comes near the window.

import { script, style } from "../loader.js";

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) /** @type {MathTex} */ (entry.target).set();
  },
  { rootMargin: "400px" },
);

class MathTex extends HTMLElement {
  static observedAttributes = ["tex"];

  connectedCallback() {
    seen.observe(this);
  }

  disconnectedCallback() {
    seen.unobserve(this);
  }

  attributeChangedCallback() {
    if (this.isConnected && this.dataset.set !== undefined) this.set();
  }

  async set() {
    seen.unobserve(this);
    const tex = this.getAttribute("tex") ?? this.textContent ?? "";
    const display = this.getAttribute("display") === "block";
    try {
      await Promise.all([style("vendor/katex/katex.min.css"), script("vendor/katex/katex.min.js")]);
      const holder = document.createElement("span");
      /** @type {any} */ (globalThis).katex.render(tex, holder, { displayMode: display, throwOnError: true, output: "htmlAndMathml", strict: "ignore" });
      for (const part of holder.querySelectorAll(".katex-display")) /** @type {HTMLElement} */ (part).style.margin = "0";
      this.replaceChildren(holder);
      this.dataset.set = "formula";
      if (display && this.scrollWidth > this.clientWidth + 1) this.tabIndex = 0;
    } catch {
      this.textContent = tex; // the source is readable too
      this.dataset.set = "source";
    }
  }
}

customElements.define("math-tex", MathTex);
