// @ts-check
// A cell of an edited world in words, and the slider's scale of discounts.

import { number } from "./format.js";
import { t } from "./text.js";

const ACTIONS = [t("up"), t("right"), t("down"), t("left")];
const NAMES = { "#": t("wall"), ".": t("floor"), S: t("start"), G: t("goal"), X: t("pit"), "^": t("wind up"), ">": t("wind right"), v: t("wind down"), "<": t("wind left") };
const LAST = 100; // of the slider: γ = 1 itself
const DECADES = 3; // 1 − γ falls from 1 to 0.001 on the way

/** @param {import("./editor-world.js").World} world @param {number} cell @param {import("./editor-solver.js").Answer | null} answer */
export function wordsOf(world, cell, answer) {
  const letter = world.letters[cell];
  const reward = world.rewards.get(cell);
  const words = [t("row {row}, column {col}: {name}", { row: Math.floor(cell / world.cols), col: cell % world.cols, name: NAMES[/** @type {keyof NAMES} */ (letter)] ?? letter })];
  if (reward !== undefined) words.push(t("reward {reward}", { reward: number(reward) }));
  const is_same = answer && answer.layout.cells[cell] === letter && answer.layout.cols === world.cols && cell < answer.v.length;
  if (is_same && !"#GX".includes(letter)) {
    if (!answer.reachable[cell]) words.push(t("no episode comes here"));
    else words.push(`V* ${number(answer.v[cell])}`, t("best: {actions}", { actions: answer.policy[cell].map((action) => ACTIONS[action]).join(", ") }));
  }
  return words.join(" · ");
}

/** Say a cell, or what the whole world is worth. @param {any} editor @param {number | null} cell */
export function say(editor, cell) {
  const words = cell === null ? worthOf(editor.answer) : wordsOf(editor.world, cell, editor.answer);
  write(editor, "readout", words);
  if (cell !== null) write(editor, "spoken", words);
}

/** Say beside the drawing what it still lacks, and what was cut off; the place for it is always there, so that nothing moves. @param {any} editor @param {import("./editor-solver.js").Fault[]} faults */
export function hint(editor, faults) {
  const lacks = faults.map((fault) => faultWords(fault.where.endsWith("layout") ? { ...fault, way_out: "" } : fault)); // its rule says what to draw
  write(editor, "hint", [editor.note, ...lacks].filter(Boolean).join("\n"));
}

/** What of a world lies outside so many rows and columns, in words; empty where that is only floor. @param {import("./editor-world.js").World} world @param {number} rows @param {number} cols */
export function cutWords(world, rows, cols) {
  const is_cut = (/** @type {number} */ cell) => Math.floor(cell / world.cols) >= rows || cell % world.cols >= cols;
  const names = world.letters.filter((letter, cell) => is_cut(cell) && letter !== ".").map((letter) => NAMES[/** @type {keyof NAMES} */ (letter)] ?? letter);
  names.push(...[...world.rewards.keys()].filter(is_cut).map(() => t("reward")));
  const counts = [...new Set(names)].map((name) => [name, names.filter((one) => one === name).length]);
  const what = counts.map(([name, count]) => (count === 1 ? name : t("{name} × {count}", { name, count }))).join(", ");
  return what && t("Cut off: {what}. Undo brings it back.", { what });
}

/** What a size must be, where another was typed. @param {string} asked @param {number} most */
export const boundWords = (asked, most) => t("Size {asked}: must be a whole number from 1 to {most}; the nearest one was taken.", { asked: asked || "–", most });

/** Words are written only where they differ, so that they are read out once. @param {any} editor @param {string} name @param {string} text */
function write(editor, name, text) {
  const element = editor.find(`[data-${name}]`);
  if (element.textContent !== text) element.textContent = text;
}

/** @param {import("./editor-solver.js").Answer | null} answer */
const worthOf = (answer) => (answer ? t("V* at the start {value}: discounted, with γ {gamma}, without a time limit", { value: number(answer.start_value), gamma: number(answer.gamma) }) : "");

/** What was refused, as a sentence. @param {import("./editor-solver.js").Fault} fault */
export const faultWords = ({ rule, way_out }) => `${rule[0]?.toUpperCase() ?? ""}${rule.slice(1)}. ${way_out}`.trim();

/** @param {number} position 0 to 100 */
export function gammaOf(position) {
  if (position >= LAST) return 1;
  const gamma = 1 - 10 ** ((-DECADES * position) / LAST);
  return Number(gamma.toFixed(gamma > 0.99 ? 4 : 3));
}

/** @param {number} gamma */
export const positionOf = (gamma) => (gamma >= 1 ? LAST : Math.min(LAST - 1, Math.round((-Math.log10(1 - gamma) * LAST) / DECADES)));
