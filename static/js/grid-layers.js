// @ts-check
// What a frame of a table has to show: its layers, their names, which are signed, and the sentence below the map.

import { make } from "./chart-frame.js";
import { diverging, paintScale, sequential, token } from "./colors.js";
import { number, steps } from "./format.js";
import { corner, triangles, values } from "./grid-draw.js";
import { planeChoice, rangeOf } from "./grid-planes.js";
import { hasTraces, traces } from "./grid-traces.js";
import { t } from "./text.js";

const ROUNDING = 1e-9; // errors up to here are those of the arithmetic

/** @type {Record<string, string>} */
export const NAMES = {
  v: t("Value"), q: t("Q"), visits: t("Visits"), error: t("Error"), behaviour: t("Behaviour"),
  optimal: t("V*"), of_policy: t("Value of the policy"), gap: t("Gap to V*"), residual: t("Bellman residual"), occupancy: t("State distribution"), eligibility: t("Eligibility"), pairs: t("Eligibility of each action"),
};
const SIGNED = new Set(["error", "gap", "residual"]);

/** What an estimate is measured against: V* or V of the policy. @param {any} meta */
const truthOf = (meta) => meta.truth_name ?? t("V*");

/** A layer in words; what is measured against a truth names it. @param {any} meta @param {string} layer */
export const nameOf = (meta, layer) => (layer === "error" ? t("Error to {truth}", { truth: truthOf(meta) }) : layer === "optimal" ? truthOf(meta) : NAMES[layer]);

const OF_ACTIONS = new Set(["q", "behaviour", "pairs"]);

/** Whether a layer has a number for every action. @param {string} layer */
export const isOfActions = (layer) => OF_ACTIONS.has(layer);

/** The layers that a frame has, in the order of their names. @param {any} frame */
export const layersOf = ({ arrays }) => Object.keys(NAMES).filter((name) => arrays[name]);

/** The wanted layer, or the first one there is. @param {any} frame @param {string | null} wanted */
export const layerOf = (frame, wanted) => (wanted && frame.arrays[wanted] ? wanted : (layersOf(frame)[0] ?? "v"));

/** @param {string} layer */
export const isSigned = (layer) => SIGNED.has(layer);

/** The policy whose arrows belong on a layer, or null. @param {any} frame @param {string} layer */
export const policyOn = ({ arrays }, layer) => {
  if (layer === "of_policy") return arrays.own_policy ?? null;
  return layer === (arrays.v ? "v" : "optimal") ? (arrays.policy ?? null) : null;
};

/** A labelled list of the layers. @param {any} frame @param {string} shown @param {(layer: string) => void} changed */
function layerChoice(frame, shown, changed) {
  const label = make("label", "slider");
  const select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  select.dataset.size = "small";
  for (const name of layersOf(frame)) select.add(new Option(nameOf(frame.meta, name), name));
  select.value = shown;
  select.addEventListener("change", () => changed(select.value));
  label.append(make("span", "muted", t("Shown")), select);
  return label;
}

/**
 * The lists of a map: which of several maps, and which layer (`shown` is the first) where nothing around the map chooses it.
 * @param {any} frame @param {{shown: string | null, plane: (plane: number) => void, layer: (layer: string) => void}} told
 */
export function choicesOf(frame, { shown, plane, layer }) {
  const planes = planeChoice(frame.meta.planes, plane);
  const lists = [...(planes ? [planes.element] : []), ...(shown ? [layerChoice(frame, shown, layer)] : [])];
  const host = make("div", "sliders");
  host.append(...lists);
  return { elements: lists.length ? [host] : [], leave: planes?.leave ?? (() => {}) };
}

/** What is to be known of a layer of exact values. @param {any} meta @param {string} layer */
function truthWords(meta, layer) {
  const never = meta.endless ? [t("the policy never ends from {names}", { names: meta.endless_names.join(", ") })] : [];
  const [gap, residual] = [meta.gap_max, meta.residual_max].map((most) => number(most, 3));
  const [gap_rms, residual_rms] = [meta.gap_rms, meta.residual_rms].map((rms) => (rms === undefined ? "–" : number(rms, 3)));
  if (layer === "optimal") return [t("the most that any policy can get, with γ = {gamma}", { gamma: number(meta.gamma, 3) })];
  if (layer === "gap") return [t("below V*: max {max}, RMS {rms}", { max: gap, rms: gap_rms }), ...never];
  if (layer === "residual") return [t("moved by one exact backup: max {max}, RMS {rms}", { max: residual, rms: residual_rms })];
  if (layer === "occupancy") return [t("share of its steps that the policy spends in each state"), ...never];
  return [t("at most {gap} below V*", { gap }), ...never];
}

/** How values that a learner counts in normalised reward came to stand in that of the environment. @param {any} meta @param {string} layer */
const scaleWords = (meta, layer) =>
  (meta.scale ?? 1) !== 1 && ["v", "q", "error"].includes(layer) ? [t("normalised values times {scale}, the deviation of now", { scale: number(meta.scale, 3) })] : [];

/** The sentence below a map. @param {any} frame @param {string} layer */
export function summaryOf({ arrays, meta, step }, layer) {
  const at = meta.step_unit === "sweep" ? t("sweep {step}", { step: steps(step) }) : t("step {step}", { step: steps(step) });
  if (meta.words) return `${at} · ${meta.words}`;
  if (meta.gap_max !== undefined) return [at, ...truthWords(meta, layer)].join(" · ");
  const facts = { truth: truthOf(meta), max: number(meta.error_max, 3), rms: number(meta.error_rms, 3) };
  if (layer === "error") return [t("distance to {truth}: max {max}, RMS {rms}", facts), ...scaleWords(meta, layer)].join(" · ");
  if (meta.states_visited === undefined) return `${at} · ${t("all {count} states are swept", { count: meta.states_reachable })}`;
  const dots = layer === "v" && hasTraces(arrays) ? [t("dots: share in the next update")] : [];
  return [at, t("{seen} of {all} states visited", { seen: meta.states_visited, all: meta.states_reachable }), ...dots, ...scaleWords(meta, layer)].join(" · ");
}

/** A picture with other numbers and facts over its own. @param {any} found @param {{arrays: Record<string, any>, meta: object} | null} over */
export const laid = (found, over) => (over ? { ...found, arrays: { ...found.arrays, ...over.arrays }, meta: { ...found.meta, ...over.meta } } : found);

/** What a layer's colours range over; errors that are rounding alone are not blown up to full colour. @param {any} frame @param {string} layer @returns {[number, number]} */
export function rangeShown(frame, layer) {
  const [low, high] = rangeOf(frame, layer);
  return isSigned(layer) && Math.max(-low, high) < ROUNDING ? [-ROUNDING, ROUNDING] : [low, high];
}

/** The scale of a layer's colours. @param {HTMLElement} host @param {string} layer @param {[number, number]} range */
export function showRange(host, layer, [low, high]) {
  const bar = make("span", "scale-bar");
  const most = isSigned(layer) ? Math.max(-low, high) : 0;
  paintScale(bar, isSigned(layer) ? diverging : sequential, isSigned(layer) ? -1 : 0);
  host.replaceChildren(number(isSigned(layer) ? -most : low, 3), bar, number(isSigned(layer) ? most : high, 3));
}

/**
 * Draw a layer and the cursor of one map.
 * @param {CanvasRenderingContext2D} ctx @param {any} view @param {{layer: string, at: import("./grid-draw.js").Place, range: [number, number], cell: number | null}} what
 */
export function drawLayer(ctx, view, { layer, at, range, cell }) {
  const { arrays, meta } = view;
  if (isOfActions(layer)) triangles(ctx, meta, at, { q: arrays[layer], range });
  else values(ctx, meta, at, { values: arrays[layer], policy: policyOn(view, layer), range, signed: isSigned(layer) });
  if (layer === "v" && hasTraces(arrays)) traces(ctx, meta, at, arrays.eligibility);
  if (cell === null) return;
  const [x, y] = corner(meta, at, cell);
  ctx.strokeStyle = token("--text");
  ctx.lineWidth = 2;
  ctx.strokeRect(x + 2, y + 2, at.size - 4, at.size - 4);
}
