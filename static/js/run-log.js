// @ts-check
// What happened in a run, as marks on its charts and its time slider, and the hyperparameters as they were at any step.

import { json } from "./api.js";
import { t } from "./text.js";

const MOST_PAGES = 10;
const SHOWN = new Set(["edit", "world", "change", "warning", "failed", "interrupted", "paused", "evaluation"]);
const WORDY = new Set(["edit", "world", "change"]);

/** @typedef {{step: number, text: string, is_minor: boolean}} Mark */
/** @typedef {{step: number, config: Record<string, unknown>}} Edit */

/** Read the log of a run. @param {number} run @returns {Promise<{marks: Mark[], edits: Edit[]}>} */
export async function logOf(run) {
  const events = [];
  let cursor = "0";
  for (let page = 0; page < MOST_PAGES && cursor; page++) {
    const { items, next_cursor } = await json(`/runs/${run}/events?limit=1000&cursor=${cursor}`);
    events.push(...items);
    cursor = next_cursor;
  }
  const shown = events.filter((event) => SHOWN.has(event.event) && event.step !== null);
  const edits = events.filter((event) => event.event === "edit" && event.data?.config);
  return {
    marks: shown.map((event) => ({ step: event.step, text: words(event), is_minor: !WORDY.has(event.event) })),
    edits: edits.map((event) => ({ step: event.step ?? 0, config: event.data.config })),
  };
}

/** The hyperparameters in force at a step. @param {Record<string, unknown>} started @param {Edit[]} edits @param {number} step */
export function configAt(started, edits, step) {
  return Object.assign({ ...started }, ...edits.filter((edit) => edit.step <= step).map((edit) => edit.config));
}

/** @param {{event: string, text?: string, data?: {config?: Record<string, unknown>}}} event */
function words(event) {
  const changed = Object.entries(event.data?.config ?? {}).map(([name, value]) => `${name} ${value}`);
  return changed.join(", ") || event.text || t("edit");
}
