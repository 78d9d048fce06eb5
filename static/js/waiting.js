// @ts-check
// What a panel says before it has a picture; of a run that has ended there may never be one.

import { make } from "./chart-frame.js";
import { t } from "./text.js";

/** Of a moment before anything was there to be drawn. */
export const nothingYet = () => make("p", "map-wait", t("Nothing to show of this moment: it was before the first update."));

/** @param {HTMLElement} host the panel's element */
export function waiting(host) {
  const page = /** @type {HTMLElement | null} */ (host.closest("run-page"));
  const has_ended = () => /finished|stopped|failed/.test(page?.dataset.state ?? "");
  const words = make("p", "map-wait", has_ended() ? t("Loading…") : t("Waiting for the first picture."));
  host.addEventListener("no-picture", (event) => {
    const why = /** @type {CustomEvent} */ (event).detail;
    if (why) words.textContent = why;
    else if (has_ended()) words.textContent = t("No picture of it was kept.");
  });
  return words;
}
