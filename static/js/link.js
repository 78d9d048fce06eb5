// @ts-check
// Says that the server is out of reach once that has lasted a moment, and takes it back when it answers again.

import { t } from "./text.js";

const PATIENCE_MS = 1500;
let timer = 0;

/** @param {boolean} is_lost */
export function linkIs(is_lost) {
  const note = document.querySelector("[data-link]");
  clearTimeout(timer);
  if (!note) return;
  if (!is_lost) note.textContent = "";
  else timer = setTimeout(() => (note.textContent = t("Connection lost, trying again…")), PATIENCE_MS);
}

addEventListener("pagehide", () => linkIs(false));
