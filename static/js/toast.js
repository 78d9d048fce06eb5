// @ts-check
// Short messages at the edge of the page, read out by screen readers.

const SHOWN_MS = 6000;

/** @param {string} text @param {"" | "bad"} [kind] */
export function toast(text, kind = "") {
  const host = document.querySelector("[data-toasts]");
  if (!host || [...host.children].some((child) => child.textContent === text)) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.dataset.kind = kind;
  note.textContent = text;
  host.append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}
