// @ts-check
// The parts of the time slider: play, slider with its marks, speed, what is shown, and the way back to now.

import { make } from "./chart-frame.js";
import { t } from "./text.js";

const SPEEDS = [2, 5, 10, 20, 40];
const USUAL = 10;

/** Build the parts inside the element. @param {HTMLElement} host */
export function partsOf(host) {
  const play = /** @type {HTMLButtonElement} */ (make("button", "button"));
  Object.assign(play, { type: "button", textContent: "▶" });
  play.dataset.size = "small";
  const slider = /** @type {HTMLInputElement} */ (make("input"));
  Object.assign(slider, { type: "range", min: "0", max: "0", step: "1", disabled: true });
  slider.setAttribute("aria-label", t("Moment of the run"));
  const marks = make("div", "time-marks");
  marks.setAttribute("aria-hidden", "true");
  const track = make("div", "time-track");
  track.append(slider, marks);
  const speed = /** @type {HTMLSelectElement} */ (make("select", "input"));
  speed.dataset.size = "small";
  speed.setAttribute("aria-label", t("Speed of playing"));
  for (const one of SPEEDS) speed.add(new Option(t("{count}/s", { count: one }), String(one), one === USUAL, one === USUAL));
  const words = make("output", "time-words small");
  const live = /** @type {HTMLButtonElement} */ (make("button", "button", t("Live")));
  live.type = "button";
  live.dataset.size = "small";
  const foot = make("div", "time-foot");
  foot.append(words, speed, live);
  host.replaceChildren(play, track, foot);
  return { play, slider, marks, speed, words, live };
}

const isEnded = (/** @type {HTMLElement} */ host) => /finished|stopped|failed/.test(host.closest("[data-state]")?.getAttribute("data-state") ?? "");

/** What the newest moment is called. @param {HTMLElement} host */
export const nowWords = (host) => (isEnded(host) ? t("end") : t("now"));

/** The way back to the newest moment, which of an ended run is its end. @param {HTMLElement} host @param {{live: HTMLElement, words: HTMLElement}} parts @param {number | null} at */
export function nameLive(host, { live, words }, at) {
  live.textContent = isEnded(host) ? t("End") : t("Live");
  live.toggleAttribute("data-end", isEnded(host));
  live.setAttribute("aria-pressed", String(at === null));
  if (at === null) words.textContent = nowWords(host);
}

/**
 * Draw marks along the slider, each between the places of its neighbours.
 * @param {HTMLElement} host @param {import("./run-log.js").Mark[]} marks @param {number[]} steps
 */
export function markTrack(host, marks, steps) {
  const last = Math.max(1, steps.length - 1);
  host.replaceChildren(
    ...marks.map(({ step, is_minor }) => {
      const mark = make("span", "time-mark");
      mark.dataset.kind = is_minor ? "minor" : "edit";
      let place = steps.findIndex((one) => one >= step);
      if (place < 0) place = last;
      mark.style.insetInlineStart = `${(100 * place) / last}%`;
      return mark;
    }),
  );
}
