// @ts-check
// What every page does: the theme toggle, custom elements, htmx where a page asks for it, messages.

import { define, script } from "./loader.js";
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

if (document.querySelector("[hx-get], [hx-post]")) script("vendor/htmx/htmx.min.js");

// A page that comes back from the browser's memory holds a used form; ask for a fresh one.
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelector("form[hx-get]")?.dispatchEvent(new Event("change", { bubbles: true }));
});
