// @ts-check
// Figures that an idle worker draws when somebody asks, for the moment that the page shows;
// what was kept when the run ended is shown at once. Attributes: run, panel, summary, data-kept.

import { frame } from "../api.js";
import { make } from "../chart-frame.js";
import { Figures } from "../figures.js";
import { momentOf } from "../moment.js";
import { t } from "../text.js";

class FigureRequest extends HTMLElement {
  #figures = /** @type {Figures | null} */ (null);
  #button = /** @type {HTMLButtonElement} */ (make("button", "button", t("Draw it")));
  #words = make("p", "muted small");
  #body = make("div");

  connectedCallback() {
    this.#button.type = "button";
    this.#button.dataset.size = "small";
    this.#button.onclick = () => this.#ask();
    this.#words.setAttribute("aria-live", "polite");
    this.#words.textContent = this.getAttribute("summary") ?? "";
    const head = make("div", "figure-request-head");
    head.append(this.#button, this.#words);
    this.#figures = new Figures(this.#body);
    this.replaceChildren(head, this.#body);
    if (this.dataset.kept === "true") this.#ask();
  }

  disconnectedCallback() {
    this.#figures?.close();
  }

  async #ask() {
    const run = Number(this.getAttribute("run"));
    const { at } = momentOf(run);
    this.#button.disabled = true;
    this.#words.textContent = t("Being drawn; this takes some seconds.");
    try {
      const found = await frame(`/runs/${run}/frames/${this.getAttribute("panel")}${at === null ? "" : `?step=${at}`}`);
      this.#words.textContent = found.meta?.figures ? "" : t("No update was kept by then: ask again after the next one.");
      this.#figures?.show(found);
    } catch (error) {
      this.#words.textContent = t("It could not be drawn: {reason}", { reason: /** @type {Error} */ (error).message });
    }
    this.#button.disabled = false;
  }
}

customElements.define("figure-request", FigureRequest);
