// @ts-check
// A piece of text whose button copies it.

import { t } from "../text.js";

const SAID_MS = 1600;

class CopyText extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-copy]");
      if (button) this.#copy(button);
    });
  }

  /** @param {Element} button */
  async #copy(button) {
    const code = this.querySelector("code");
    try {
      await navigator.clipboard.writeText(code?.textContent ?? "");
      button.textContent = t("Copied");
    } catch {
      getSelection()?.selectAllChildren(code ?? this);
      button.textContent = t("Press Ctrl+C");
    }
    setTimeout(() => (button.textContent = t("Copy")), SAID_MS);
  }
}

customElements.define("copy-text", CopyText);
