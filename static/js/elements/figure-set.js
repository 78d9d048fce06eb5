// @ts-check
// The figures of a panel, drawn anew with every picture of it. Attributes: run, panel.

import { Figures } from "../figures.js";
import { watchFrames } from "../frames.js";
import { waiting } from "../waiting.js";

class FigureSet extends HTMLElement {
  #leave = () => {};

  connectedCallback() {
    this.replaceChildren(waiting(this));
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
