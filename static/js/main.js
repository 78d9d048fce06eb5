// @ts-check
// What every page does: the theme toggle, custom elements, messages, forms that were changed too early.

import { define } from "./loader.js";
import { toast } from "./toast.js";
import { t } from "./text.js";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  root.dataset.theme = isDark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // Storage may be forbidden; the choice then lasts for this page.
  }
  document.dispatchEvent(new Event("theme-change"));
});
dark.addEventListener("change", () => document.dispatchEvent(new Event("theme-change")));

define();
document.addEventListener("htmx:after:swap", () => define());
document.addEventListener("htmx:error", () => toast(t("The server did not answer. Is it still running?"), "bad"));

// A form that was changed before the script ran, or that comes back from the browser's memory, is asked for again.
addEventListener("pageshow", (event) => {
  const form = document.querySelector("form[hx-get]");
  const is_changed = [...(form?.querySelectorAll("input[name], select[name]") ?? [])].some((input) => isChanged(input));
  if (form && (event.persisted || is_changed)) form.dispatchEvent(new Event("change", { bubbles: true }));
});

/** @param {Element} input */
function isChanged(input) {
  if (input instanceof HTMLSelectElement) {
    const first = [...input.options].findIndex((one) => one.defaultSelected);
    return input.options.length > 0 && input.selectedIndex !== Math.max(first, 0); // without a mark, the first is shown
  }
  if (!(input instanceof HTMLInputElement) || input.type === "hidden") return false;
  return input.checked !== input.defaultChecked || (input.type !== "radio" && input.type !== "checkbox" && input.value !== input.defaultValue);
}
