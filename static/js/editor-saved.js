// @ts-check
// Worlds kept under a name: saved from the editor, listed in it, opened and deleted there.

import { json } from "./api.js";
import { make } from "./chart-frame.js";
import { send } from "./editor-solver.js";
import { faultWords } from "./editor-words.js";
import { t } from "./text.js";
import { toast } from "./toast.js";

const PATH = "/environments";

/** Save the world under the name of its field. @param {any} editor */
export async function saveWorld(editor) {
  const input = editor.find("[data-save-name]");
  const name = input.value.trim();
  if (!name) return input.focus();
  const { faults } = await send("POST", PATH, { name, environment_config: editor.world.drawing });
  if (faults.length) return toast(faults.map(faultWords).join(" "), "bad");
  toast(t("Saved as {name}.", { name }));
  await listSaved(editor);
}

/** Show the saved worlds as links that open in the editor. @param {any} editor */
export async function listSaved(editor) {
  const list = editor.find("[data-saved]");
  if (!list) return;
  const { saved = [] } = await json(`${PATH}/gridworld`).catch(() => ({}));
  editor.find("[data-saved-count]").textContent = saved.length ? String(saved.length) : "";
  list.replaceChildren(...saved.map((/** @type {any} */ one) => entry(editor, one)));
}

/** The options of a saved world, or null where it is gone. @param {string} name @returns {Promise<Record<string, any> | null>} */
export async function savedWorld(name) {
  const found = await json(`${PATH}/gridworld/saved/${encodeURIComponent(name)}`).catch(() => null);
  if (!found) toast(t("{name} cannot be opened: it was deleted, or the server did not answer.", { name }), "bad");
  return found && found.environment_config;
}

/** @param {any} editor @param {{name: string, links: {play: string}}} saved */
function entry(editor, { name, links }) {
  const link = /** @type {HTMLAnchorElement} */ (make("a", "", name));
  link.href = links.play;
  link.dataset.saved = name;
  const button = /** @type {HTMLButtonElement} */ (make("button", "button", t("Delete")));
  Object.assign(button, { type: "button" });
  Object.assign(button.dataset, { kind: "quiet", size: "small" });
  button.setAttribute("aria-label", t("Delete {name}", { name }));
  button.addEventListener("click", async () => {
    const { faults } = await send("DELETE", `${PATH}/gridworld/saved/${encodeURIComponent(name)}`);
    if (faults.length) toast(faults.map(faultWords).join(" "), "bad");
    await listSaved(editor);
  });
  const item = make("li", "row row-apart");
  item.append(link, button);
  return item;
}
