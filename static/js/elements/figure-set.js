// @ts-check
// The figures of a panel, drawn anew with every picture of it. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { Figures } from "../figures.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";

class FigureSet extends HTMLElement {
  #leave = () => {};

  connectedCallback() {
    this.replaceChildren(make("p", "map-wait", t("Waiting for the first picture.")));
    const figures = new Figures(this);
    const unwatch = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "" }, (frame) => figures.show(frame), this);
    this.#leave = () => {
      unwatch();
      figures.close();
    };
  }

  disconnectedCallback() {
    this.#leave();
  }
}

customElements.define("figure-set", FigureSet);
