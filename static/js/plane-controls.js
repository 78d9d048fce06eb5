// @ts-check
// Which two axes of an observation are drawn, where the other dimensions are held, and which number of an action.

import { make } from "./chart-frame.js";
import { number } from "./format.js";
import { t } from "./text.js";

const FEW = 8; // more sliders than that are folded away

/** @param {HTMLElement[]} sliders */
function folded(sliders) {
  const fold = make("details", "fold");
  const body = make("div", "sliders");
  body.append(...sliders);
  fold.append(make("summary", "", t("{count} other dimensions", { count: sliders.length })), body);
  return fold;
}

/**
 * Build the selects and sliders of a plane map.
 * @param {{axes: {name: string, unit: string, low: number, high: number, middle: number}[], x: {name: string}, y: {name: string}, actions: string[], action?: {name: string}, layer: {id: string}, layers: {id: string, name: string}[]}} meta
 * @param {(options: Record<string, string>) => void} changed
 */
export function controlsOf(meta, changed) {
  const names = meta.axes.map((axis) => axis.name);
  const chosen = { x: meta.x.name, y: meta.y.name, action: meta.action?.name ?? "", of: meta.layer?.id ?? "" };
  /** @type {Map<string, number>} */
  const held = new Map(meta.axes.map((axis) => [axis.name, axis.middle]));
  const host = make("div", "sliders");

  const tell = () => {
    const moved = meta.axes.filter(({ name, middle }) => name !== chosen.x && name !== chosen.y && held.get(name) !== middle);
    const at = moved.map(({ name }) => `${name}:${held.get(name)}`).join(",");
    changed({ x: chosen.x, y: chosen.y, ...(at ? { at } : {}), ...(chosen.action ? { action: chosen.action } : {}), ...(chosen.of && chosen.of !== meta.layers[0].id ? { of: chosen.of } : {}) });
  };

  const build = () => {
    const others = meta.axes.filter(({ name }) => name !== chosen.x && name !== chosen.y).map(slider);
    const layers = meta.layers?.length > 1 ? [choice(t("shows"), "of", meta.layers.map(({ id, name }) => [id, name]))] : [];
    const actions = meta.action && meta.actions.length > 1 ? [choice(t("action"), "action", meta.actions.map((name) => [name, name]))] : [];
    const choices = [...layers, axis("x"), axis("y"), ...actions];
    host.replaceChildren(...choices, ...(others.length > FEW ? [folded(others)] : others));
  };

  /** @param {string} word @param {"action" | "of"} what @param {[string, string][]} options */
  const choice = (word, what, options) => {
    const label = make("label", "slider");
    const select = /** @type {HTMLSelectElement} */ (make("select", "input"));
    select.dataset.size = "small";
    for (const [id, name] of options) select.add(new Option(name, id, false, id === chosen[what]));
    select.addEventListener("change", () => {
      chosen[what] = select.value;
      tell();
    });
    label.append(make("span", "muted", word), select);
    return label;
  };

  /** @param {"x" | "y"} which */
  const axis = (which) => {
    const label = make("label", "slider");
    const select = /** @type {HTMLSelectElement} */ (make("select", "input"));
    select.dataset.size = "small";
    for (const name of names) select.add(new Option(name, name, false, name === chosen[which]));
    select.addEventListener("change", () => {
      const other = which === "x" ? "y" : "x";
      if (select.value === chosen[other]) chosen[other] = chosen[which];
      chosen[which] = select.value;
      build();
      tell();
    });
    label.append(make("span", "muted", which === "x" ? t("across") : t("up")), select);
    return label;
  };

  /** @param {{name: string, unit: string, low: number, high: number}} one */
  const slider = (one) => {
    const label = make("label", "slider");
    const input = /** @type {HTMLInputElement} */ (make("input"));
    const value = make("output", "tiny", number(held.get(one.name), 3));
    Object.assign(input, { type: "range", min: one.low, max: one.high, step: (one.high - one.low) / 100 });
    input.value = String(held.get(one.name));
    input.addEventListener("input", () => {
      held.set(one.name, Number(Number(input.value).toPrecision(4)));
      value.textContent = number(held.get(one.name), 3);
      tell();
    });
    label.append(make("span", "muted", one.name), input, value);
    return label;
  };

  if (names.length > 1) build();
  return host;
}
