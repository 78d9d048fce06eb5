// @ts-check
// The inspector's parts: the step in words, the rule, the rule with numbers, what changed, the line of source.

import { make } from "./chart-frame.js";
import { number } from "./format.js";
import { t } from "./text.js";

/** @param {number | null | undefined} value */
const exact = (value) => number(value, 6);

/** A formula that can change. @param {boolean} is_block */
export function formula(is_block) {
  const tex = make("math-tex");
  if (is_block) tex.setAttribute("display", "block");
  return tex;
}

/** @param {HTMLElement} element @param {string} tex */
export function setFormula(element, tex) {
  if (element.getAttribute("tex") === tex) return;
  if (element.dataset.set === undefined) element.textContent = tex;
  element.setAttribute("tex", tex);
}

/** What happened, and whose update is shown where it is not that of this step. @param {any} meta @param {number} step */
export function happened({ transition, step_unit, backup, about }, step) {
  if (step === 0) return step_unit === "sweep" ? t("Sweep 0 · nothing has happened yet: no value was backed up.") : t("Step 0 · nothing has happened yet: the agent has not moved.");
  const at = step_unit === "sweep" ? t("Sweep {step}", { step }) : t("Step {step}", { step });
  const moved = transition && !(about && backup === "episode") ? went(transition) : "";
  return [at, [moved, about].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
}

/** A step of the world in words. @param {any} transition */
function went(transition) {
  const { state, state_name, action_name, reward, next_state, next_name, terminated, truncated } = transition;
  const end = terminated ? t("The episode ended there.") : truncated ? t("The time limit cut the episode there.") : "";
  const values = { state: state_name, action: action_name, next: next_name, reward: exact(reward) };
  if (terminated && next_state === state) return t("{state}: {action} earned {reward} and ended the episode.", values);
  const words = t("{state}: {action} led to {next} with reward {reward}.", values);
  return [words, end].filter(Boolean).join(" ");
}

/** Old and new value of the entry that changed. @param {HTMLElement} host @param {any} meta */
export function change(host, meta) {
  const by = meta.new - meta.old;
  const figures = make("span", "inspector-figures");
  figures.append(make("span", "muted", exact(meta.old)), " → ", make("strong", "", exact(meta.new)));
  const sign = by > 0 ? "+" : "";
  figures.append(make("span", "inspector-by", by === 0 ? t("unchanged") : `${sign}${exact(by)}`));
  /** @type {HTMLElement} */ (figures.lastElementChild).dataset.sign = by > 0 ? "up" : by < 0 ? "down" : "none";
  host.replaceChildren(make("span", "small", meta.entry), figures);
}

/** One pair a symbol. @param {HTMLElement} host @param {{symbol: string, value: number | null}[]} terms */
export function terms(host, terms) {
  if (host.childElementCount !== terms.length) host.replaceChildren(...terms.map(pair));
  terms.forEach(({ symbol, value }, i) => {
    const [name, figure] = host.children[i].children;
    setFormula(/** @type {HTMLElement} */ (name.firstElementChild), symbol);
    figure.textContent = exact(value);
  });
}

function pair() {
  const made = make("div", "inspector-term");
  const name = make("dt");
  name.append(formula(false));
  made.append(name, make("dd"));
  return made;
}

/** The line that did it, as a link to it. @param {HTMLAnchorElement} link @param {any} meta */
export function source(link, meta) {
  link.href = `/learn/${meta.algorithm}#line-${meta.line}`;
  link.replaceChildren(make("span", "source-number", String(meta.line)), make("code", "", meta.source));
}
