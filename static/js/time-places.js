// @ts-check
// Where else a past moment shows: in the card of hyperparameters and in the address.

import { number } from "./format.js";

/** Put values into the card in place of the form of those now. @param {Record<string, unknown>} config @param {boolean} is_past */
export function showSettings(config, is_past) {
  const card = document.querySelector("#run-edit");
  card?.toggleAttribute("data-past", is_past);
  for (const cell of card?.querySelectorAll("[data-key]") ?? []) {
    const key = /** @type {HTMLElement} */ (cell).dataset.key ?? "";
    if (key in config) cell.textContent = text(config[key]);
  }
}

/** @param {unknown} value */
function text(value) {
  if (typeof value === "number") return number(value, 6);
  return Array.isArray(value) ? value.join(", ") : String(value ?? "") || "–";
}

/** @param {number | null} step */
export function keepInAddress(step) {
  const url = new URL(location.href);
  const at = step === null ? null : String(step);
  if (url.searchParams.get("at") === at) return;
  if (at === null) url.searchParams.delete("at");
  else url.searchParams.set("at", at);
  history.replaceState(history.state, "", url);
}
