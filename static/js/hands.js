// @ts-check
// A person's hands: keys and touch buttons, and the action they stand for now.

import { make } from "./chart-frame.js";
import { t } from "./text.js";

const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
const TAP_MS = 90; // how long a button that is pressed by keyboard counts as held

/** @typedef {{key: string, name: string, action: number, value: number | null}} Control */

/** A key as it is written on keyboards. @param {string} key */
export const signOf = (key) => SIGNS[/** @type {keyof SIGNS} */ (key)] ?? key.toUpperCase();

export class Hands {
  /** @type {Control[]} what is held, the last press last */
  #held = [];
  /** @type {Control | null} */
  #last = null;
  buttons = make("div", "game-keys");

  /** @param {{controls: Control[], idle: number | null, rest: number[] | null}} game @param {() => void} pressed called at each press */
  constructor(game, pressed) {
    this.game = game;
    this.pressed = pressed;
    this.buttons.append(...game.controls.map((control) => this.#button(control)));
  }

  /** What is done now: an action, or the numbers of one; nothing where no key was pressed yet and nothing is done meanwhile. */
  get action() {
    const { idle, rest } = this.game;
    if (rest) {
      const numbers = [...rest];
      for (const { action, value } of this.#held) numbers[action] = value ?? 0;
      return numbers;
    }
    return (this.#held.at(-1) ?? (idle === null ? this.#last : null))?.action ?? idle;
  }

  /** The control of the last press. */
  get last() {
    return this.#last;
  }

  /** Forget what is held, and what was. */
  release() {
    [this.#held, this.#last] = [[], null];
  }

  /** Take a key of ours; returns whether it is one. @param {KeyboardEvent} event @param {boolean} is_down */
  key(event, is_down) {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = this.game.controls.find((one) => one.key === name);
    if (!control || event.ctrlKey || event.metaKey || event.altKey) return false;
    if (is_down) this.#press(control);
    else this.#let(control);
    return true;
  }

  /** @param {Control} control */
  #press(control) {
    this.#held = [...this.#held.filter((one) => one !== control), control];
    this.#last = control;
    this.pressed();
  }

  /** @param {Control} control */
  #let(control) {
    this.#held = this.#held.filter((one) => one !== control);
  }

  /** @param {Control} control */
  #button(control) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "button", `${signOf(control.key)} ${control.name}`));
    [button.type, button.dataset.size] = ["button", "small"];
    button.setAttribute("aria-label", t("{name}, key {key}", { name: control.name, key: signOf(control.key) }));
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.#press(control);
    });
    for (const name of ["pointerup", "pointercancel"]) button.addEventListener(name, () => this.#let(control));
    button.addEventListener("click", (event) => {
      if (event.detail) return; // a pointer has pressed it already
      this.#press(control);
      setTimeout(() => this.#let(control), TAP_MS);
    });
    return button;
  }
}
