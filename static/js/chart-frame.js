// @ts-check
// What stands around a curve: its name and newest value above, a caption and a table of its points below.

import { linesOf } from "./chart-data.js";
import { extent, twoOf } from "./curves.js";
import { number, steps } from "./format.js";
import { placeOf } from "./moment.js";
import { zerosTold } from "./plot-zeros.js";
import { t } from "./text.js";

const ROWS = 24;
const ARROWS = { up: "↑", down: "↓" };

/** @typedef {{x: number[], y: (number|null)[], zeros: number[], raw: {steps: number[], values: (number|null)[], min: (number|null)[], max: (number|null)[]}}} Drawn */

/**
 * Build the frame inside a chart element and return how to fill it.
 * @param {HTMLElement} chart
 */
export function frameOf(chart) {
  const get = (/** @type {string} */ name) => chart.getAttribute(name) ?? "";
  const better = ARROWS[/** @type {keyof ARROWS} */ (get("better"))];
  const head = make("div", "plot-head");
  const now = make("span", "plot-now");
  const notes = [get("unit"), better ? `${better} ${t("better")}` : ""].filter(Boolean).join(" · ");
  head.append(make("span", "plot-name", get("label")), make("span", "plot-note", notes), now);
  const host = make("div", "plot");
  const empty = make("p", "plot-empty", t("Loading…"));
  host.append(empty);
  const caption = make("p", "caption");
  const words = make("span");
  caption.append(words);
  const behind = /** @type {HTMLDetailsElement} */ (make("details", "behind"));
  behind.append(make("summary", "", t("Table")));
  /** @type {Drawn[]} */
  let drawn = [];
  /** @type {Drawn["raw"] | null} what the number above is read from */
  let lead = null;
  const said = make("span", "plot-note");
  const figure = document.createTextNode("");
  now.append(said, figure);
  const value = (/** @type {number | null | undefined} */ of) => (figure.data = of === undefined ? "" : number(of));
  behind.addEventListener("toggle", () => behind.open && table(behind, get("label"), get("step-unit"), drawn));
  const [rule, dashes, zeros] = [make("p", "plot-note", get("rule") && t("rule of thumb: {rule}", { rule: get("rule") })), make("p", "plot-note"), make("p", "plot-note")];
  zeros.hidden = true;
  /** @type {{above: number, words: string} | null} beyond what the newest value is a pathology */
  const alarm = JSON.parse(get("alarm") || "null");
  const warning = make("p", "plot-note is-bad", alarm ? `⚠ ${alarm.words}` : "");
  warning.hidden = true;
  const dash = () => (dashes.textContent = dashed(chart));
  dash();
  chart.replaceChildren(head, host, caption, behind, ...[rule, dashes].filter((note) => note.textContent), zeros, warning);
  if (get("help")) head.title = get("help");
  let summary = "";
  let then = ""; // which moment the number above is of, where that is not now

  return {
    host,
    dash,
    /**
     * @param {Drawn[]} curves @param {boolean} several @param {boolean} is_loaded
     * @param {Drawn["raw"] | null} [headline] a steadier curve, whose newest value is the number above; nothing: the curve itself
     */
    tell(curves, several, is_loaded, headline = null) {
      drawn = curves;
      zeros.textContent = zerosTold(curves);
      zeros.hidden = !zeros.textContent;
      lead = headline?.values.length ? headline : (curves[0]?.raw ?? null);
      said.textContent = headline?.values.length ? `${get("headline-label")} ` : "";
      if (is_loaded) empty.textContent = t("No points yet.");
      const raw = curves[0]?.raw;
      const whole = extent(curves.flatMap((curve) => [...curve.raw.min, ...curve.raw.max]));
      const step = raw?.steps.at(-1);
      warning.hidden = !alarm || several || !(Math.abs(raw?.values.at(-1) ?? 0) > alarm.above);
      value(several ? undefined : lead?.values.at(-1) ?? null);
      const spread = whole ? t("{low} to {high}", { low: number(whole[0]), high: number(whole[1]) }) : "";
      const at = step === undefined ? "" : t("at {step} {unit}", { step: steps(step), unit: get("step-unit") });
      const kinds = !several && get("scalar") === "rollout/episode_return" && raw ? twoOf(raw) : null;
      const each = kinds ? t("every episode is {low} or {high}", { low: number(kinds[0]), high: number(kinds[1]) }) : spread;
      summary = [several ? "" : at, each].filter(Boolean).join(" · ");
      words.textContent = then || summary;
      if (behind.open) table(behind, get("label"), get("step-unit"), drawn);
    },
    /** Say the value as of a step, or the newest. @param {number | null} step */
    now(step) {
      if (drawn.length !== 1 || !lead) return;
      const is_before = step !== null && step < lead.steps[0];
      const place = step === null ? lead.steps.length - 1 : placeOf(lead.steps, step);
      value((is_before ? null : lead.values[place]) ?? null);
      const facts = { step: steps(lead.steps[place]), unit: get("step-unit") };
      then = step === null ? "" : is_before ? t("first at {step} {unit}", facts) : t("at {step} {unit}", facts);
      words.textContent = then || summary;
    },
    /** @param {any[] | undefined} data @param {number | null} index */
    point(data, index) {
      if (!data || index === null) return void (words.textContent = then || summary);
      const [x, ...ys] = data.map((column) => column[index]);
      const shown = ys.slice(0, drawn.length).map((y) => number(y ?? (drawn.length === 1 ? drawn[0].raw.values[index] : null)));
      const raw = drawn.length === 1 && Number.isFinite(ys[1] ?? NaN) ? ` (${number(ys[1])} … ${number(ys[2])})` : "";
      words.textContent = `${number(x)}: ${shown.join(", ")}${raw}`;
    },
  };
}

/** What the dashed lines are, and of which part of the run. @param {Element} chart */
function dashed(chart) {
  const unit = chart.getAttribute("step-unit") ?? "";
  const part = (/** @type {import("./worlds.js").Line} */ { from_step: from, to_step: to }) => {
    if (typeof from === "number" && typeof to === "number") return t("from {from} to {to} {unit}", { from: steps(from), to: steps(to), unit });
    return typeof from === "number" ? t("from {from} {unit} on", { from: steps(from), unit }) : typeof to === "number" ? t("up to {to} {unit}", { to: steps(to), unit }) : "";
  };
  const names = linesOf(chart).map((line) => [`${line.label} ${number(line.value)}`, part(line)].filter(Boolean).join(" ")).join(" · ");
  return names ? t("dashed: {names}", { names }) : "";
}

/** @param {HTMLDetailsElement} behind @param {string} label @param {string} unit @param {Drawn[]} curves */
function table(behind, label, unit, curves) {
  const scroll = make("div", "table-scroll");
  const grid = make("table", "table");
  const caption = make("caption", "visually-hidden", label);
  const head = make("tr");
  for (const text of [unit || t("steps"), t("mean"), t("smallest"), t("largest")]) head.append(make("th", "number", text));
  grid.append(caption, head);
  for (const { raw } of curves) {
    const stride = Math.max(1, Math.ceil(raw.steps.length / ROWS));
    for (let i = (raw.steps.length - 1) % stride; i >= 0 && i < raw.steps.length; i += stride) {
      const row = make("tr");
      for (const value of [raw.steps[i], raw.values[i], raw.min[i], raw.max[i]]) row.append(make("td", "number", number(value)));
      grid.append(row);
    }
  }
  scroll.tabIndex = 0;
  scroll.append(grid);
  behind.replaceChildren(behind.querySelector("summary") ?? "", scroll);
}

/** @param {string} tag @param {string} [name] @param {string} [text] */
export function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
