// @ts-check
// Comparing by keyboard, and what follows from answers that others gave meanwhile. Attributes: run.

import { subscribe } from "../stream.js";

const KEYS = /** @type {Record<string, string>} */ ({ ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie" });
const AGAIN_MS = 300;

class PreferencePage extends HTMLElement {
  #leave = () => {};
  #timer = 0;

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    this.#leave = subscribe({ runs: [run] }, (_id, delta) => this.#news(/** @type {any} */ (delta)));
    document.addEventListener("keydown", this.#key);
  }

  disconnectedCallback() {
    this.#leave();
    clearTimeout(this.#timer);
    document.removeEventListener("keydown", this.#key);
  }

  /** Choose by an arrow key, where it has nothing else to do. @param {KeyboardEvent} event */
  #key = (event) => {
    const choice = KEYS[event.key];
    const is_busy = /** @type {Element} */ (event.target).closest("input, select, textarea, [contenteditable]");
    if (!choice || is_busy || event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const button = /** @type {HTMLButtonElement | null} */ (this.querySelector(`[data-choice=${choice}]`));
    if (!button) return;
    event.preventDefault();
    button.click();
  };

  /** Answers that came from elsewhere change what follows, not the pair that is being looked at. @param {any} delta */
  #news(delta) {
    const total = delta.run?.preferences;
    if (total === undefined && !delta.refetch) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const seen = /** @type {HTMLElement | null} */ (this.querySelector("#preference-seen"));
      if (!seen || seen.dataset.total === String(total)) return;
      const address = `${location.pathname}?part=seen`;
      /** @type {any} */ (globalThis).htmx?.ajax("GET", address, { target: "#preference-seen", swap: "outerHTML" });
    }, AGAIN_MS);
  }
}

customElements.define("preference-page", PreferencePage);
