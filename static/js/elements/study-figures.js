// @ts-check
// The figures behind an address, asked for again whenever it or the version changes. Attributes: data-path, data-version.

import { json } from "../api.js";
import { Figures } from "../figures.js";

class StudyFigures extends HTMLElement {
  static observedAttributes = ["data-path", "data-version"];
  #figures = /** @type {Figures | null} */ (null);
  #body = document.createElement("div");
  #is_shown = false;
  #kept = new MutationObserver(() => this.#put()); // a fresh fragment comes without what was drawn

  connectedCallback() {
    this.#figures = new Figures(this.#body);
    this.#kept.observe(this, { childList: true });
    this.#ask();
  }

  disconnectedCallback() {
    this.#kept.disconnect();
    this.#figures?.close();
    this.#figures = null;
  }

  attributeChangedCallback() {
    if (this.#figures) this.#ask();
  }

  #put() {
    if (this.#is_shown && this.#body.parentNode !== this) this.replaceChildren(this.#body);
  }

  async #ask() {
    const found = await json(this.dataset.path ?? "").catch(() => null);
    if (!found?.figures.length || !this.#figures) return;
    const arrays = Object.fromEntries(Object.entries(found.arrays).map(([name, values]) => [name, Float32Array.from(/** @type {number[]} */ (values), (value) => value ?? NaN)]));
    this.#is_shown = true;
    this.#put();
    this.#figures.show({ meta: { figures: found.figures, words: found.words }, arrays });
  }
}

customElements.define("study-figures", StudyFigures);
