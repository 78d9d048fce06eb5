// @ts-check
// The clock of replays: a button and a slider over a stretch of steps, turned once per animation frame while it plays.

import { make } from "./chart-frame.js";
import { t } from "./text.js";

const HOLD_MS = 900;
const MOST_MS = 200; // a frame that took longer does not jump

export class Playing {
  /** the moment between two steps */
  at = 0;
  /** the last step */
  end = 0;
  is_playing = false;
  is_seen = true;
  /** whether what is shown at a moment is there; the clock waits until it is @type {(at: number) => boolean} */
  is_there = () => true;
  #held_until = 0;
  #last = 0;
  button = /** @type {HTMLButtonElement} */ (make("button", "button", "▶"));
  slider = /** @type {HTMLInputElement} */ (make("input"));
  bar = make("div", "player-bar");

  /** @param {() => number} step_ms how long a step is shown @param {() => void} turned called when the moment moved */
  constructor(step_ms, turned) {
    this.step_ms = step_ms;
    this.turned = turned;
    Object.assign(this.slider, { type: "range", min: "0", max: "0", step: "1", value: "0" });
    this.slider.setAttribute("aria-label", t("Moment of the replay"));
    [this.button.type, this.button.dataset.size] = ["button", "small"];
    this.button.addEventListener("click", () => this.play(!this.is_playing));
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.bar.append(this.button, this.slider);
    this.play(false);
  }

  /** Show another stretch from its beginning. @param {number} end its last step @param {boolean} is_playing */
  begin(end, is_playing) {
    this.end = Math.max(0, end);
    this.slider.max = String(this.end);
    this.seek(0);
    this.play(is_playing);
  }

  /** @param {number} at */
  seek(at) {
    [this.at, this.#held_until] = [at, 0];
    this.slider.value = String(Math.floor(at));
    this.turned();
  }

  /** @param {boolean} is_playing */
  play(is_playing) {
    const was = this.is_playing;
    this.is_playing = is_playing && this.end > 0;
    this.button.textContent = this.is_playing ? "❚❚" : "▶";
    this.button.setAttribute("aria-label", this.is_playing ? t("Hold the replay") : t("Play the replay"));
    this.button.disabled = this.slider.disabled = this.end === 0;
    this.#last = performance.now();
    if (this.is_playing && !was) requestAnimationFrame(this.#turn);
  }

  #turn = (/** @type {number} */ now) => {
    if (!this.is_playing || !this.bar.isConnected) return;
    const passed = Math.min(now - this.#last, MOST_MS);
    this.#last = now;
    if (this.is_seen && !document.hidden && now > this.#held_until) {
      const next = this.at >= this.end ? 0 : Math.min(this.at + Math.max(passed, 0) / this.step_ms(), this.end);
      if (this.is_there(next)) this.at = next;
      if (this.at >= this.end) this.#held_until = now + HOLD_MS;
      this.slider.value = String(Math.floor(this.at));
      this.turned();
    }
    requestAnimationFrame(this.#turn);
  };
}
