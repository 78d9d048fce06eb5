// @ts-check
// A value function over two axes that the viewer chooses, the other dimensions on sliders, visited states laid over it.
// Attributes: run, panel, mode (values, action).

import { Surface } from "../canvas.js";
import { make } from "../chart-frame.js";
import { diverging, paintScale, sequential } from "../colors.js";
import { extent } from "../curves.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { controlsOf } from "../plane-controls.js";
import { drawPlane } from "../plane-draw.js";
import { scaleFor } from "../shared-scale.js";
import { t } from "../text.js";
import { nothingYet, waiting } from "../waiting.js";

const NEW_OPTIONS_MS = 120;

class PlaneMap extends HTMLElement {
  static observedAttributes = ["mode"];
  /** @type {any} */
  #frame = null;
  #leave = () => {};
  /** @type {Surface | null} */
  #surface = null;
  #timer = 0;
  #range = /** @type {[number, number]} */ ([0, 1]);
  #canvas = /** @type {HTMLCanvasElement} */ (make("canvas", "map-canvas"));
  #facts = make("span");
  #words = make("p", "caption");
  #summary = "";
  #scale = make("span", "scale");
  /** @type {ReturnType<typeof controlsOf> | null} */
  #controls = null;

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#canvas.setAttribute("role", "img");
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("pointerleave", () => (this.#facts.textContent = this.#summary));
    this.#follow({});
  }

  disconnectedCallback() {
    this.#leave();
    this.#surface?.close();
  }

  attributeChangedCallback() {
    if (this.#frame) this.#show(this.#frame);
  }

  /** @param {Record<string, string>} options */
  #follow(options) {
    this.#leave();
    const run = Number(this.getAttribute("run"));
    this.#leave = watchFrames({ run, panel: this.getAttribute("panel") ?? "plane_values", options }, (found) => this.#show(found), this);
  }

  /** @param {any} frame */
  #show(frame) {
    const { meta, arrays, step } = frame;
    if (!arrays.values) return void (meta.error || this.#clear());
    this.#frame = frame;
    if (!this.#surface) this.#build(meta);
    const found = extent(arrays.values) ?? [0, 0];
    const most = Math.max(...found.map(Math.abs));
    const own = /** @type {[number, number]} */ (meta.layer?.signed ? [-most, most] : found);
    const [low, high] = (this.#range = scaleFor(this, meta.layer?.id ?? "values", own, () => this.#show(this.#frame)));
    const held = Object.entries(meta.at).map(([name, value]) => `${name} ${number(value, 3)}`);
    this.#summary = [t("step {step}", { step: steps(step) }), ...held, t("dots: states visited lately")].join(" · ");
    this.#facts.textContent = this.#summary;
    this.#words.textContent = meta.words ?? "";
    this.#words.hidden = !meta.words;
    this.#scale.replaceChildren(...this.#legend(meta, low, high));
    const words = { what: meta.layer?.name ?? "V", x: meta.x.name, y: meta.y.name, low: number(low, 3), high: number(high, 3) };
    this.#canvas.setAttribute("aria-label", t("{what} over {x} and {y}, from {low} to {high}.", words));
    this.#surface?.soon();
  }

  /** Of a moment before there was anything to draw, the picture of another one is not left standing. */
  #clear() {
    if (!this.#surface) return;
    this.#surface.close();
    this.#surface = this.#frame = null;
    this.replaceChildren(nothingYet());
  }

  /** @param {any} meta @param {number} low @param {number} high @returns {(string | Node)[]} */
  #legend({ action, layer }, low, high) {
    const is_policy = this.getAttribute("mode") === "action";
    if (is_policy && !action) return [t("letters name the action")];
    const bar = make("span", "scale-bar");
    const is_signed = is_policy || layer?.signed;
    paintScale(bar, is_signed ? diverging : sequential, is_signed ? -1 : 0);
    const name = layer && layer.id !== "v" ? `${layer.name}: ` : "";
    return is_policy ? [`${action.name} ${number(action.low, 3)}`, bar, number(action.high, 3)] : [`${name}${number(low, 3)}`, bar, `${number(high, 3)} ${layer?.unit ?? ""}`];
  }

  /** @param {any} meta */
  #build(meta) {
    const holder = make("div", "map-frame");
    holder.append(this.#canvas);
    const foot = make("div", "caption");
    foot.append(this.#facts);
    this.#controls = controlsOf(meta, (options) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#follow(options), NEW_OPTIONS_MS);
    });
    this.replaceChildren(holder, this.#scale, foot, this.#words, this.#controls);
    const height = (/** @type {number} */ width) => Math.min(width * 0.72, Math.max(240, innerHeight * 0.46));
    const draw = (/** @type {CanvasRenderingContext2D} */ ctx, /** @type {number} */ w, /** @type {number} */ h) =>
      drawPlane(ctx, { width: w, height: h }, this.#frame, this.getAttribute("mode") === "action" ? null : this.#range);
    this.#surface = new Surface(this.#canvas, draw, height);
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const { meta, arrays, shapes } = this.#frame;
    const [ny, nx] = shapes.values;
    const { width, height } = this.#surface ?? { width: 1, height: 1 };
    const [across, up] = [(event.offsetX - 44) / (width - 54), 1 - (event.offsetY - 6) / (height - 34)];
    if (across < 0 || across >= 1 || up < 0 || up >= 1) return;
    const index = Math.floor(up * ny) * nx + Math.floor(across * nx);
    const at = (/** @type {any} */ axis, /** @type {number} */ share) => `${axis.name} ${number(axis.low + share * (axis.high - axis.low), 3)} ${axis.unit}`;
    const action = meta.action ? `${meta.action.name} ${number(arrays.action[index], 3)}` : (meta.actions[arrays.action[index]] ?? "");
    this.#facts.textContent = `${at(meta.x, across)}, ${at(meta.y, up)}: ${meta.layer?.name ?? "V"} ${number(arrays.values[index])} · ${action}`;
  }
}

customElements.define("plane-map", PlaneMap);
