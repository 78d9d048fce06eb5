// @ts-check
// What the buttons, sliders and lists of the editor do: one function for each kind of event.

import { boundWords, cutWords, faultWords, gammaOf, positionOf } from "./editor-words.js";
import { listSaved, savedWorld, saveWorld } from "./editor-saved.js";
import { send } from "./editor-solver.js";
import { number } from "./format.js";
import { t } from "./text.js";

/** @typedef {any} Editor the element grid-editor */

const USUAL = { rewards: "", slip: 0, step_reward: -0.04, goal_reward: 1, pit_reward: -1 }; // the gridworld's own defaults

/** @param {Editor} editor @returns {Record<string, (event: any) => void>} */
export function actsOf(editor) {
  listSaved(editor);
  return {
    click: (event) => click(editor, event),
    input: (event) => slide(editor, event.target),
    keydown: (event) => key(editor, event),
    change: (event) => {
      event.stopPropagation(); // the form asks for its recipe again only when the drawing has changed
      size(editor, event.target);
      if (event.target.matches("[data-slip]") && editor.world.load({ slip: Number(event.target.value) })) editor.changed();
    },
  };
}

/** @param {Editor} editor @param {PointerEvent} event */
async function click(editor, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const tool = /** @type {HTMLElement | null} */ (target.closest("[data-tool]"));
  if (tool) for (const other of editor.querySelectorAll("[data-tool]")) other.setAttribute("aria-pressed", String(other === tool));
  if (tool) editor.find("[data-for-reward]").hidden = tool.dataset.tool !== "r";
  const classic = /** @type {HTMLElement | null} */ (target.closest("[data-classic]"));
  const saved = /** @type {HTMLElement | null} */ (target.closest("a[data-saved]"));
  const is_here = !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if ((classic || saved) && is_here) event.preventDefault();
  if (classic && is_here) {
    open(editor, JSON.parse(classic.dataset.classic ?? "{}"), Number(classic.dataset.classicGamma ?? editor.gamma));
  }
  if (saved && is_here) {
    const config = await savedWorld(saved.dataset.saved ?? "");
    if (config) open(editor, config, editor.gamma);
  }
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-do]"));
  if (button) DOES[/** @type {keyof DOES} */ (button.dataset.do)](editor);
}

const DOES = {
  undo: (/** @type {Editor} */ editor) => editor.world.undo() && editor.changed(),
  redo: (/** @type {Editor} */ editor) => editor.world.redo() && editor.changed(),
  clear: (/** @type {Editor} */ editor) => {
    const { rows, cols } = editor.world;
    const letters = Array.from({ length: rows * cols }, (_unused, cell) => (cell === 0 ? "S" : cell === rows * cols - 1 ? "G" : "."));
    const layout = Array.from({ length: rows }, (_unused, row) => letters.slice(row * cols, (row + 1) * cols).join("")).join("/");
    editor.world.load({ layout, rewards: "" });
    editor.changed();
  },
  apply: async (/** @type {Editor} */ editor) => {
    const changes = Object.fromEntries(Object.entries(editor.world.drawing).filter(([name, value]) => value !== editor.base[name]));
    const { body, faults } = await send("PATCH", `/runs/${editor.getAttribute("run")}`, { environment_config: changes });
    const step = body?.edit?.step;
    if (!faults.length) editor.base = editor.world.drawing;
    const done = step === undefined || step === null ? t("Changed from its next step on.") : t("Changed from step {step} on.", { step: number(step) });
    editor.find("[data-applied]").textContent = faults.length ? faults.map(faultWords).join(" ") : done;
    showState(editor);
  },
  save: saveWorld,
};

/** Show what can be taken back, and the size. @param {Editor} editor */
export function showState(editor) {
  editor.find("[data-do=undo]").disabled = !editor.world.canUndo;
  editor.find("[data-do=redo]").disabled = !editor.world.canRedo;
  showSize(editor, document.activeElement);
  const apply = editor.find("[data-do=apply]");
  if (apply) apply.disabled = !editor.answer || JSON.stringify(editor.base) === JSON.stringify(editor.world.drawing);
  const slip = editor.find("[data-slip]");
  slip.value = String(editor.world.drawing.slip ?? 0);
  slip.nextElementSibling.textContent = number(Number(editor.world.drawing.slip ?? 0), 2);
}

/** @param {Editor} editor @param {Element | null} [typed] a field that is not touched: somebody may be typing in it */
function showSize(editor, typed = null) {
  for (const [name, count] of Object.entries({ "[data-rows]": editor.world.rows, "[data-cols]": editor.world.cols })) {
    const field = editor.find(name);
    if (field && field !== typed) field.value = String(count);
  }
}

/** Show another world, as one step back. @param {Editor} editor @param {Record<string, any>} config @param {number} gamma */
function open(editor, config, gamma) {
  showGamma(editor, gamma);
  editor.world.load({ ...USUAL, ...config });
  editor.changed();
}

/** Show V* under another discount. @param {Editor} editor @param {number} gamma */
export function showGamma(editor, gamma) {
  editor.gamma = gamma;
  const range = editor.find("[data-gamma]");
  range.value = String(positionOf(gamma));
  range.setAttribute("aria-valuetext", String(gamma));
  range.nextElementSibling.textContent = String(gamma);
}

/** γ and slip recolour at once. @param {Editor} editor @param {HTMLInputElement} input */
function slide(editor, input) {
  if (input.matches("[data-gamma]")) showGamma(editor, gammaOf(Number(input.value)));
  if (input.matches("[data-slip]")) {
    if (input.nextElementSibling) input.nextElementSibling.textContent = input.value;
    editor.ask({ ...editor.world.drawing, slip: Number(input.value) });
  } else if (input.matches("[data-gamma]")) editor.ask(editor.world.drawing);
}

/** @param {Editor} editor @param {HTMLInputElement} input */
function size(editor, input) {
  if (!input.matches("[data-rows], [data-cols]")) return;
  const most = Number(editor.getAttribute("largest"));
  const asked = ["[data-rows]", "[data-cols]"].map((name) => Number(editor.find(name).value));
  const [rows, cols] = asked.map((count) => Math.min(Math.max(Math.round(count) || 1, 1), most));
  const bound = rows === asked[0] && cols === asked[1] ? "" : boundWords(input.value, most);
  const note = [bound, cutWords(editor.world, rows, cols)].filter(Boolean).join("\n");
  if (editor.world.resize(rows, cols)) editor.changed(note);
  else {
    editor.note = note;
    editor.refresh();
  }
  showSize(editor);
}

/** Ctrl Z and Ctrl Y anywhere in the editor but in its texts; Enter in a field is no Start. @param {Editor} editor @param {KeyboardEvent} event */
function key(editor, event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  if (event.key === "Enter" && input.matches("input")) {
    event.preventDefault();
    if (input.matches("[data-save-name]")) saveWorld(editor);
    else size(editor, input);
  }
  if (!(event.ctrlKey || event.metaKey) || input.matches("input[data-save-name], input[data-reward]")) return;
  const is_redo = event.key === "y" || (event.shiftKey && event.key.toLowerCase() === "z");
  if (!is_redo && event.key !== "z") return;
  event.preventDefault();
  DOES[is_redo ? "redo" : "undo"](editor);
}
