// @ts-check
// One episode on a canvas with its words below; whoever shows it says which moment.

import { Surface } from "./canvas.js";
import { make } from "./chart-frame.js";
import { drawMoment, heightOf } from "./player-parts.js";

export class Reel {
  /** @type {import("./scenes.js").Scene | null} */
  scene = null;
  /** @type {number[][]} */
  states = [];
  figure = make("figure", "reel");
  words = make("figcaption", "readout");
  #at = 0;
  #canvas = /** @type {HTMLCanvasElement} */ (make("canvas", "map-canvas"));
  /** @type {Surface} */
  #surface;

  /** @param {(width: number) => number} [height_of] */
  constructor(height_of = (width) => heightOf(this.scene, width)) {
    const host = make("div", "player-scene");
    host.append(this.#canvas);
    this.#canvas.setAttribute("role", "img");
    this.figure.append(host, this.words);
    const what = () => ({ states: this.states, at: this.#at, has_trail: true });
    this.#surface = new Surface(this.#canvas, (ctx, w, h) => this.scene && drawMoment(ctx, { w, h }, this.scene, what()), height_of);
  }

  /** @param {any} episode @param {import("./scenes.js").Scene | null} scene @param {string} words */
  show(episode, scene, words) {
    this.states = episode.states;
    this.scene = /** @type {import("./scenes.js").Scene} */ ({ ...scene, drawing: episode.drawing, ...episode.layout });
    this.say(words);
    this.seek(0);
  }

  /** @param {string} words */
  say(words) {
    this.words.textContent = words;
    this.#canvas.setAttribute("aria-label", words);
  }

  /** @param {number} at */
  seek(at) {
    this.#at = Math.min(at, this.states.length - 1);
    this.#surface.soon();
  }

  close() {
    this.#surface.close();
  }
}
