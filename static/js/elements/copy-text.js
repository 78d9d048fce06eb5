// @ts-check
// Adds a Copy button to a piece of text.

import { t } from "../text.js";

const SAID_MS = 1600;

class CopyText extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("[data-copy]")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.dataset.size = "small";
    button.dataset.copy = "";
    button.textContent = t("Copy");
    button.setAttribute("aria-label", t("Copy {what}", { what: this.getAttribute("label") ?? "" }));
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(this.querySelector("code")?.textContent ?? "");
        button.textContent = t("Copied");
      } catch {
        getSelection()?.selectAllChildren(this.querySelector("code") ?? this);
        button.textContent = t("Press Ctrl+C");
      }
      setTimeout(() => (button.textContent = t("Copy")), SAID_MS);
    });
    (this.querySelector(".row") ?? this).append(button);
  }
}

customElements.define("copy-text", CopyText);
