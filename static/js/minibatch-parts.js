// @ts-check
// Parts of the inspector of minibatches: a line with numbers, a sample in words, the table of samples.

import { make } from "./chart-frame.js";
import { css, diverging, ink } from "./colors.js";
import { number } from "./format.js";
import { formula, setFormula } from "./inspector-parts.js";
import { t } from "./text.js";

const DIGITS = 6;

/** An equation and, below it, the same with numbers and what they give. @param {any} line @param {ArrayLike<number>} row */
export function worked(line, row) {
  const equation = line.equation.replace("=", "&=");
  const filled = line.template.slice(line.template.indexOf("=") + 1);
  const numbers = filled.replace(/⟦(\d+)⟧/g, (/** @type {string} */ _whole, /** @type {string} */ place) => written(row[Number(place)]));
  return `\\begin{aligned}${equation} \\qquad (${line.number})\\\\ &=${numbers}\\\\ &= \\mathbf{${written(row[line.result], false)}}\\end{aligned}`;
}

/** A number inside a formula, in brackets where its sign needs them. @param {number} value @param {boolean} [is_inside] @param {number} [digits] */
export function written(value, is_inside = true, digits = DIGITS) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "\\text{–}" : value > 0 ? "\\infty" : "(-\\infty)";
  const [mantissa, exponent] = String(Number(value.toPrecision(digits))).split("e");
  const text = exponent ? `${mantissa} \\cdot 10^{${Number(exponent)}}` : mantissa;
  return is_inside && (value < 0 || exponent) ? `(${text})` : text;
}

/** Where a sample was, what it did and what to know of it. @param {any} frame @param {number} place */
export function sampleIn({ meta, arrays, shapes }, place) {
  const at = (/** @type {string} */ name) => arrays[name].subarray(place * shapes[name][1], (place + 1) * shapes[name][1]);
  const row = at("rows");
  const seen = at("observations");
  const where = meta.axes.map((/** @type {any} */ axis, /** @type {number} */ i) => `${axis.name} ${number(seen[i], 3)} ${axis.unit}`.trim()).join(", ");
  const done = at("actions");
  const action = meta.is_numbered ? (meta.actions[done[0]] ?? number(done[0])) : [...done].map((value) => number(value, 3)).join(", ");
  const words = [where, t("action {action}", { action }), meta.notes[arrays.notes[place]]].filter(Boolean).join(" · ");
  return { row, words };
}

/** The table of samples, one choice each. @param {any} frame @param {string} name of the choice */
export function columnsOf({ meta, arrays, shapes }, name) {
  const [count, width] = shapes.rows;
  const grid = make("table", "table");
  const head = make("tr");
  const first = make("th", "", "#");
  first.setAttribute("scope", "col");
  const part = meta.columns.indexOf(meta.contribution);
  const is_part = (/** @type {any} */ one) => one.column === meta.contribution;
  const inOrder = [...meta.shown.filter(is_part), ...meta.shown.filter((/** @type {any} */ one) => !is_part(one))]; // the part first: a narrow table is cut at its end
  head.append(first, ...inOrder.map(heading), make("th", "", t("what happens")));
  const body = make("tbody");
  const places = inOrder.map((one) => meta.columns.indexOf(one.column));
  const most = Math.max(...Array.from({ length: count }, (_unused, i) => Math.abs(arrays.rows[i * width + part]))) || 1;
  for (let i = 0; i < count; i++) {
    const line = make("tr");
    line.append(choice(name, i));
    for (const place of places) {
      const value = arrays.rows[i * width + place];
      const cell = make("td", "number", number(value, 4));
      if (place === part) {
        const color = diverging(value / most);
        Object.assign(cell.style, { backgroundColor: css(color), color: ink(color) });
      }
      line.append(cell);
    }
    line.append(make("td", "small", meta.notes[arrays.notes[i]]));
    body.append(line);
  }
  const top = make("thead");
  top.append(head);
  grid.append(top, body);
  grid.setAttribute("aria-label", t("Samples of the minibatch, the largest parts first"));
  return grid;
}

/** @param {{symbol: string, help: string}} shown */
function heading({ symbol, help }) {
  const cell = make("th", "number");
  cell.setAttribute("scope", "col");
  cell.title = help;
  const tex = formula(false);
  setFormula(tex, symbol);
  cell.append(tex, make("span", "visually-hidden", help));
  return cell;
}

/** @param {string} name @param {number} place */
function choice(name, place) {
  const cell = make("td");
  const label = make("label", "minibatch-choice");
  const input = /** @type {HTMLInputElement} */ (make("input"));
  Object.assign(input, { type: "radio", name, value: String(place) });
  label.append(input, make("span", "", String(place + 1)));
  cell.append(label);
  return cell;
}
