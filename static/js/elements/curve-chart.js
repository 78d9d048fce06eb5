// @ts-check
// One scalar over steps, episodes or seconds: of one run with its raw envelope, or of several on shared axes.
// Attributes: run or runs, labels, scalar, label, unit, better, rule, healthy, references, lines, total, step-unit, log, axis, smooth;
// headline: a steadier scalar whose newest value stands above, headline-label: what it is.

import { drawn, linesOn, placesOn, scaleOf } from "../chart-data.js";
import { joined, twoOf } from "../curves.js";
import { script, style } from "../loader.js";
import { momentOf } from "../moment.js";
import { options } from "../plot.js";
import { momentLine } from "../plot-moment.js";
import { curvesOf } from "../series.js";
import { frameOf } from "../chart-frame.js";

class CurveChart extends HTMLElement {
  static observedAttributes = ["axis", "smooth", "references"];
  /** @type {ReturnType<typeof frameOf> | null} */
  #frame = null;
  /** @type {any} */
  #plot = null;
  #is_due = false;
  #is_near = false;
  /** @type {(() => void)[]} */
  #leave = [];
  #sizes = new ResizeObserver(() => this.#resize());
  #near = new IntersectionObserver((entries) => this.#arrive(entries.some((entry) => entry.isIntersecting)), { rootMargin: "300px" });

  connectedCallback() {
    this.#frame = frameOf(this);
    this.#near.observe(this);
    document.addEventListener("theme-change", this.#restart);
  }

  disconnectedCallback() {
    this.#near.disconnect();
    this.#sizes.disconnect();
    document.removeEventListener("theme-change", this.#restart);
    for (const leave of this.#leave) leave();
    this.#leave = [];
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === "references") this.#frame?.dash();
    if (this.#leave.length) this.#follow();
  }

  get ids() {
    return (this.getAttribute("runs") ?? this.getAttribute("run") ?? "").split(",").map(Number).filter(Boolean);
  }

  get scalar() {
    return this.getAttribute("scalar") ?? "";
  }

  /** @param {boolean} is_near */
  async #arrive(is_near) {
    this.#is_near = is_near;
    if (!is_near) return;
    if (this.#leave.length) return this.#drawSoon();
    await Promise.all([style("vendor/uplot/uPlot.min.css"), script("vendor/uplot/uPlot.iife.min.js")]);
    if (this.isConnected && !this.#leave.length) this.#follow();
  }

  #follow() {
    for (const leave of this.#leave) leave();
    const scale = scaleOf(this);
    const names = [this.scalar, scale ?? "", this.getAttribute("headline") ?? ""].filter(Boolean);
    this.#leave = this.ids.map((id) => curvesOf(id).listen(names, () => this.#drawSoon()));
    if (this.ids.length === 1) this.#leave.push(momentOf(this.ids[0]).watch(() => this.#travel()));
    if (this.#frame) this.#sizes.observe(this.#frame.host);
    this.#drawSoon();
  }

  #restart = () => {
    this.#plot?.destroy();
    this.#plot = null;
    this.#drawSoon();
  };

  #drawSoon() {
    if (this.#is_due || !this.#is_near) return;
    this.#is_due = true;
    requestAnimationFrame(() => {
      this.#is_due = false;
      if (this.isConnected && this.#frame) this.#draw(this.#frame);
    });
  }

  /** @param {ReturnType<typeof frameOf>} frame */
  #draw(frame) {
    const curves = this.ids.map((id) => drawn(id, this));
    const full = curves.filter((curve) => curve.x.length);
    const headline = this.ids.length === 1 ? curvesOf(this.ids[0]).curves.get(this.getAttribute("headline") ?? "") : null;
    frame.tell(curves, this.ids.length > 1, this.ids.every((id) => curvesOf(id).curves.has(this.scalar)), headline);
    if (!full.length || !frame.host.clientWidth) return;
    const { x, ys } = curves.length > 1 ? joined(curves) : { x: full[0].x, ys: [full[0].y, ...bandOf(full[0])] };
    const data = [x, ...ys];
    if (this.#plot) return this.#plot.setData(data);
    frame.host.replaceChildren();
    const UPlot = /** @type {any} */ (globalThis).uPlot;
    const look = {
      width: frame.host.clientWidth,
      height: frame.host.clientHeight,
      curves: curves.length,
      log: this.hasAttribute("log"),
      envelope: curves.length === 1,
      tall: this.dataset.size === "large",
      healthy: JSON.parse(this.getAttribute("healthy") ?? "null"),
      references: () => linesOn(this.ids[0], this),
      marks: () => (this.ids.length === 1 ? this.#marks() : []),
      zeros: () => this.ids.map((id) => drawn(id, this).zeros),
      drawn: () => this.#travel(),
      moved: (/** @type {number | null} */ index) => frame.point(this.#plot?.data, index),
    };
    this.#plot = new UPlot(options(look), data, frame.host);
    this.#plot.root.setAttribute("aria-hidden", "true");
  }

  /** Mark the moment that is shown, and say the value of then. */
  #travel() {
    const { at } = momentOf(this.ids[0]);
    if (!this.#plot || (!this.#is_near && at !== null) || this.ids.length > 1) return;
    momentLine(this.#plot, at === null ? null : placesOn(this.ids[0], this, [at])[0]);
    this.#frame?.now(at);
  }

  #resize() {
    const host = this.#frame?.host;
    if (!host?.clientWidth) return;
    if (!this.#plot) this.#drawSoon();
    else if (this.#plot.width !== host.clientWidth) this.#plot.setSize({ width: host.clientWidth, height: host.clientHeight });
  }

  #marks() {
    const { marks } = curvesOf(this.ids[0]);
    const at = placesOn(this.ids[0], this, marks.map((mark) => mark.step));
    return marks.map((mark, index) => ({ ...mark, at: at[index] }));
  }
}

/** The band between smallest and largest; none where every raw point is one of two numbers. @param {ReturnType<typeof drawn>} curve */
const bandOf = (curve) => (twoOf(curve.raw) ? [curve.min.map(() => null), curve.max.map(() => null)] : [curve.min, curve.max]);

customElements.define("curve-chart", CurveChart);
