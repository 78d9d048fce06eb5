// @ts-check
// The backup diagram of an update rule: open circles are states, filled dots are actions, an arc is a maximum.

import { t } from "./text.js";

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, ROW, OPEN, DOT] = [132, 34, 8, 4.5];
const MIDDLE = WIDTH / 2;
const FAN = [-40, 0, 40];

/** What each shape shows, in words. */
const WORDS = {
  max: t("one sampled step, then the largest value of the next actions"),
  sample: t("one sampled step, then the action that is taken next"),
  expected: t("one sampled step, then the mean over the next actions"),
  td: t("one sampled step, then the value of the next state"),
  n_step: t("n sampled steps, then the value reached"),
  episode: t("every sampled step to the end of the episode"),
  full_max: t("every action and every outcome, then the largest"),
  full_policy: t("every action and every outcome, weighted by the policy"),
  full_action: t("the action of the policy, and every outcome of it"),
  double: t("one sampled step, then the action that one table likes best, at the value that the other gives it"),
  bandit: t("the reward of one action"),
  gradient: t("the policy moves towards the better actions"),
};

/** @typedef {keyof typeof WORDS} Shape */

/** Draw a shape. @param {string} name */
export function diagramOf(name) {
  const shape = /** @type {Shape} */ (name in WORDS ? name : "td");
  const svg = node("svg", { class: "backup", role: "img", "aria-label": t("Backup diagram: {words}", { words: WORDS[shape] }) });
  const rows = DRAW[shape](svg);
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${rows * ROW + 2 * OPEN + 8}`);
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = WORDS[shape];
  figure.append(svg, caption);
  figure.className = "backup-figure";
  return figure;
}

/** @type {Record<Shape, (svg: Element) => number>} */
const DRAW = {
  max: (svg) => fan(svg, 1, chain(svg, "as"), true),
  expected: (svg) => fan(svg, 1, chain(svg, "as"), false),
  sample: (svg) => chain(svg, "asa"),
  td: (svg) => chain(svg, "sas"),
  n_step: (svg) => chain(svg, "asa…s"),
  episode: (svg) => chain(svg, "asa…t"),
  full_max: (svg) => full(svg, true),
  full_policy: (svg) => full(svg, false),
  full_action: (svg) => outcomes(svg, chain(svg, "sa"), MIDDLE, FAN),
  double: (svg) => fan(svg, 1, chain(svg, "as"), true, 1),
  bandit: (svg) => chain(svg, "sa"),
  gradient: (svg) => fan(svg, 0, chain(svg, "s"), false, 0),
};

/** One thing below the other; returns the row of the last. @param {Element} svg @param {string} kinds */
function chain(svg, kinds) {
  [...kinds].forEach((kind, row) => {
    if (row) line(svg, [MIDDLE, y(row - 1), MIDDLE, y(row)], kind === "…" || kinds[row - 1] === "…");
  });
  [...kinds].forEach((kind, row) => put(svg, kind, MIDDLE, row));
  return kinds.length - 1;
}

/** Actions below the last state. @param {Element} svg @param {number} from @param {number} row @param {boolean} is_max @param {number} [thick] which one the policy prefers */
function fan(svg, from, row, is_max, thick = -1) {
  FAN.forEach((away, i) => line(svg, [MIDDLE, y(from), MIDDLE + away, y(from + 1)], false, i === thick));
  if (is_max) arc(svg, MIDDLE, y(from), 40);
  FAN.forEach((away) => put(svg, "a", MIDDLE + away, from + 1));
  put(svg, "s", MIDDLE, from);
  return row + 1;
}

/** Every action of a state, every outcome of an action. @param {Element} svg @param {boolean} is_max */
function full(svg, is_max) {
  fan(svg, 0, 0, is_max);
  for (const away of FAN) outcomes(svg, 1, MIDDLE + away, [-11, 11]);
  return 2;
}

/** States below an action; returns their row. @param {Element} svg @param {number} from @param {number} x @param {number[]} sides */
function outcomes(svg, from, x, sides) {
  for (const side of sides) {
    line(svg, [x, y(from), x + side, y(from + 1)], false);
    put(svg, "s", x + side, from + 1);
  }
  return from + 1;
}

/** @param {number} row */
const y = (row) => OPEN + 4 + row * ROW;

/** @param {Element} svg @param {string} kind @param {number} x @param {number} row */
function put(svg, kind, x, row) {
  if (kind === "s") svg.append(node("circle", { class: "backup-state", cx: x, cy: y(row), r: OPEN }));
  else if (kind === "a") svg.append(node("circle", { class: "backup-action", cx: x, cy: y(row), r: DOT }));
  else if (kind === "t") svg.append(node("rect", { class: "backup-end", x: x - OPEN, y: y(row) - OPEN, width: 2 * OPEN, height: 2 * OPEN }));
  else svg.append(node("circle", { class: "backup-state", cx: x, cy: y(row), r: 2 }));
}

/** @param {Element} svg @param {number[]} ends @param {boolean} is_dotted @param {boolean} [is_thick] */
function line(svg, [x1, y1, x2, y2], is_dotted, is_thick = false) {
  svg.append(node("line", { class: "backup-line", x1, y1, x2, y2, "data-dotted": is_dotted, "data-thick": is_thick }));
}

/** @param {Element} svg @param {number} x @param {number} top @param {number} spread */
function arc(svg, x, top, spread) {
  const [across, down] = [spread * 0.62, ROW * 0.62];
  svg.append(node("path", { class: "backup-arc", d: `M${x - across} ${top + down}Q${x} ${top + down + 12} ${x + across} ${top + down}` }));
}

/** @param {string} tag @param {Record<string, unknown>} attributes */
function node(tag, attributes) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
