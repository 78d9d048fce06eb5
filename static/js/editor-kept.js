// @ts-check
// Keeps what can be taken back over a Start that was refused: the page comes anew then, with the same drawing.

const KEY = "editor-past";

/** Give a new editor the past of the one that showed this drawing, and keep its own when the form is sent. @param {any} editor */
export function keepPast(editor) {
  const form = /** @type {HTMLFormElement | null} */ (editor.closest("form"));
  if (!form) return;
  const kept = take();
  if (kept && JSON.stringify(kept.drawing) === JSON.stringify(editor.world.drawing)) editor.world.past = kept.past;
  form.addEventListener("submit", () => keep({ drawing: editor.world.drawing, past: editor.world.past }));
}

/** @param {{drawing: object, past: object[]}} what */
function keep(what) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(what));
  } catch {
    // Storage may be forbidden or full; a refused Start then begins a new past.
  }
}

function take() {
  try {
    const text = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
