// @ts-check
// A formula: LaTeX text in the page, set by KaTeX once it comes near the window, else when the browser has time.

import { script, style } from "../loader.js";
import { fit } from "../tex-fit.js";

const BREATH_MS = 5; // what is left of an idle moment when the next formula waits

/** @type {Set<MathTex>} */
const waiting = new Set();
const katex = () => /** @type {any} */ (globalThis).katex;
const loaded = () => Promise.all([style("vendor/katex/katex.min.css"), script("vendor/katex/katex.min.js")]);
const soon = globalThis.requestIdleCallback ?? ((/** @type {(left: {timeRemaining: () => number}) => void} */ told) => setTimeout(() => told({ timeRemaining: () => 2 * BREATH_MS }), 50));

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) /** @type {MathTex} */ (entry.target).set();
  },
  { rootMargin: "400px" },
);

// Fitted after layout, once for each width: to ask in between would cost a layout each.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) fit(/** @type {MathTex} */ (target));
});

/** What nobody has seen yet is set as well: for a screen reader, for print, for a search in the page. */
async function setRest() {
  await loaded().catch(() => null);
  soon(function go(left) {
    for (const tex of waiting) {
      if (left.timeRemaining() < BREATH_MS) break;
      tex.render();
    }
    if (waiting.size) soon(go);
  });
}

addEventListener("beforeprint", () => katex() && waiting.forEach((tex) => tex.render()));

class MathTex extends HTMLElement {
  static observedAttributes = ["tex"];

  connectedCallback() {
    if (this.dataset.set !== undefined) return;
    this.setAttribute("aria-hidden", "true"); // LaTeX is not read out
    seen.observe(this);
    waiting.add(this);
    if (waiting.size === 1) setRest();
  }

  disconnectedCallback() {
    seen.unobserve(this);
    widths.unobserve(this);
    waiting.delete(this);
  }

  attributeChangedCallback() {
    if (this.isConnected && this.dataset.set !== undefined) this.set();
  }

  async set() {
    await loaded().catch(() => null);
    this.render();
  }

  render() {
    seen.unobserve(this);
    waiting.delete(this);
    this.removeAttribute("aria-hidden");
    const tex = this.getAttribute("tex") ?? (this.dataset.tex ??= this.textContent ?? "");
    const display = this.getAttribute("display") === "block";
    try {
      this.replaceChildren(rendered(tex, display));
      this.dataset.set = "formula";
    } catch {
      this.textContent = tex; // the source is readable too
      this.dataset.set = "source";
      return;
    }
    if (!display) return;
    widths.unobserve(this);
    this.redraw = (/** @type {string} */ other) => this.replaceChildren(rendered(other, true));
    this.source = tex;
    widths.observe(this);
  }
}

/** @param {string} tex @param {boolean} display */
function rendered(tex, display) {
  const holder = document.createElement("span");
  katex().render(tex, holder, { displayMode: display, throwOnError: true, output: "htmlAndMathml", strict: "ignore" });
  for (const part of holder.querySelectorAll(".katex-display")) /** @type {HTMLElement} */ (part).style.margin = "0";
  return holder;
}

customElements.define("math-tex", MathTex);
