// @ts-check
// A formula in the room it has: as it is, else broken at its relations and sums, else smaller, else scrolled with a shade at its edge.

const SMALLEST = 0.75;
/** @type {WeakMap<Element, string>} */
const fitted = new WeakMap();

/** @typedef {HTMLElement & {source?: string, redraw?: (tex: string) => void}} Formula */

/** @param {Formula} formula */
export function fit(formula) {
  const state = `${formula.clientWidth} ${formula.source}`;
  if (!formula.clientWidth || fitted.get(formula) === state) return;
  fitted.set(formula, state);
  const was_fitted = formula.dataset.fit !== undefined;
  delete formula.dataset.fit;
  formula.removeAttribute("tabindex");
  formula.style.fontSize = "";
  if (was_fitted) formula.redraw?.(formula.source ?? "");
  if (fits(formula)) return;
  formula.dataset.fit = "broken";
  formula.redraw?.(unaligned(formula.source ?? ""));
  for (const part of formula.querySelectorAll(".katex-display > .katex")) {
    Object.assign(/** @type {HTMLElement} */ (part).style, { whiteSpace: "normal", textAlign: "start" });
  }
  if (fits(formula)) return;
  formula.style.fontSize = `${Math.max(SMALLEST, formula.clientWidth / formula.scrollWidth)}em`;
  if (fits(formula)) return;
  formula.dataset.fit = "scrolled";
  formula.tabIndex = 0;
}

/** @param {HTMLElement} formula */
const fits = (formula) => formula.scrollWidth <= formula.clientWidth + 1;

/** Aligned lines as one line, which may break where it has room; other tables stay as they are. @param {string} tex */
function unaligned(tex) {
  if (/\\begin\{(?!aligned)/.test(tex)) return tex;
  return tex.replace(/\\(?:begin|end)\{aligned\}|&/g, "").replace(/\\\\(?:\[[^\]]*\])?/g, "\\;");
}
