// @ts-check
// Where else a past moment shows: in the card of hyperparameters, in the list of events and in the address.

import { number } from "./format.js";
import { t } from "./text.js";

const REST_MS = 120;
let rest = 0;

/** Show the values of a moment in place of the form of those now, and the log as of then. @param {Record<string, unknown>} config @param {number | null} at */
export function showThen(config, at) {
  dimEvents(at);
  const card = document.querySelector("#run-edit");
  card?.toggleAttribute("data-past", at !== null);
  for (const cell of card?.querySelectorAll("[data-key]") ?? []) {
    const key = /** @type {HTMLElement} */ (cell).dataset.key ?? "";
    if (key in config) cell.textContent = text(config[key]);
  }
}

/** Dim what happened later than a step, and bring what had happened by then into view. @param {number | null} at */
function dimEvents(at) {
  const log = document.querySelector("#run-events");
  const items = /** @type {HTMLElement[]} */ ([...(log?.querySelectorAll(".log-item") ?? [])]);
  let is_moved = false;
  for (const item of items) {
    const is_later = at !== null && Number(item.dataset.step || 0) > at;
    if (is_later === item.hasAttribute("data-later")) continue;
    is_moved = true;
    item.toggleAttribute("data-later", is_later);
    if (is_later) item.firstElementChild?.setAttribute("data-mark", t("later"));
    item.title = is_later ? t("later than the moment that is shown") : "";
  }
  if (!log || !is_moved) return;
  clearTimeout(rest);
  rest = setTimeout(() => {
    const first = items.find((item) => !item.hasAttribute("data-later"));
    log.scrollTop = first && at !== null ? first.offsetTop - items[0].offsetTop : 0;
  }, REST_MS);
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
