// @ts-check
// A stretch of a recorded episode, played again and again. Attributes: run, number, start, length, scene, label.

import { json } from "../api.js";
import { Surface } from "../canvas.js";
import { make } from "../chart-frame.js";
import { drawMoment, heightOf, sceneOf, stepMs } from "../player-parts.js";
import { Playing } from "../playing.js";
import { watchSight } from "../sight.js";
import { t } from "../text.js";

class ClipPlayer extends HTMLElement {
  /** @type {import("../scenes.js").Scene | null} */
  #scene = null;
  /** @type {number[][]} */
  #states = [];
  /** @type {Surface | null} */
  #surface = null;
  #canvas = /** @type {HTMLCanvasElement} */ (make("canvas", "map-canvas"));
  #words = make("p", "readout");
  #leave = () => {};
  #playing = new Playing(() => stepMs(this.#scene), () => this.#surface?.soon());

  connectedCallback() {
    const host = make("div", "player-scene");
    host.append(this.#canvas);
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.replaceChildren(host, this.#playing.bar, this.#words);
    this.#scene = sceneOf(this.getAttribute("scene"));
    this.#surface = new Surface(this.#canvas, (ctx, w, h) => this.#paint(ctx, w, h), (width) => heightOf(this.#scene, width));
    this.#leave = watchSight(this, (is_seen) => (this.#playing.is_seen = is_seen));
    this.#read();
  }

  disconnectedCallback() {
    this.#leave();
    this.#surface?.close();
    this.#playing.play(false);
  }

  /** @param {string} name */
  #number(name) {
    return Number(this.getAttribute(name));
  }

  async #read() {
    const episode = await json(`/runs/${this.#number("run")}/episodes/${this.#number("number")}`).catch(() => null);
    if (!episode) return void (this.#words.textContent = t("no replay was kept"));
    const [start, length] = [this.#number("start"), this.#number("length")];
    this.#states = episode.states.slice(start, start + length + 1);
    this.#scene = { ...this.#scene, drawing: episode.drawing, ...episode.layout };
    const is_end = start + length >= episode.length;
    const how = episode.terminated ? t("ended by the environment") : t("cut by the time limit");
    this.#words.textContent = is_end ? t("{count} steps, then {end}", { count: length, end: how }) : t("{count} steps", { count: length });
    this.#playing.begin(this.#states.length - 1, !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  /** @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} h */
  #paint(ctx, w, h) {
    if (this.#scene) drawMoment(ctx, { w, h }, this.#scene, { states: this.#states, at: this.#playing.at, has_trail: true });
  }
}

customElements.define("clip-player", ClipPlayer);
