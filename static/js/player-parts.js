// @ts-check
// The player's canvas, button, slider and list, before anything plays.

import { make } from "./chart-frame.js";
import { number, steps } from "./format.js";
import { t } from "./text.js";

export const LIVE = "live";

/**
 * Name and arrange the parts of a player; returns what holds the scene and what holds button and slider.
 * @param {HTMLCanvasElement} canvas @param {HTMLSelectElement} select @param {HTMLButtonElement} button @param {HTMLInputElement} scrub
 */
export function furnish(canvas, select, button, scrub) {
  const host = make("div", "player-scene");
  host.append(canvas);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("The agent in its world"));
  Object.assign(scrub, { type: "range", min: "0", max: "0", step: "1", value: "0" });
  scrub.setAttribute("aria-label", t("Moment of the replay"));
  select.dataset.size = button.dataset.size = "small";
  select.setAttribute("aria-label", t("What to show"));
  select.add(new Option(t("Live"), LIVE));
  button.type = "button";
  const bar = make("div", "player-bar");
  bar.append(button, scrub);
  return { host, bar };
}

/** What can be shown: now, then the kept episodes from the last back. @param {any[]} episodes */
export function choices(episodes) {
  const options = episodes.map((one) => {
    const text = t("step {step}: return {value}", { step: steps(one.step), value: number(one.return) });
    return new Option(text, String(one.number));
  });
  return [new Option(t("Live"), LIVE), ...options.reverse()];
}
