// @ts-check
// Where the options of an edited world are kept: in the fields of the form around the editor, or, without one, beside it.

/** @typedef {import("./editor-world.js").Drawing} Drawing */

const PREFIX = "environment_config.";
const TEXTS = new Set(["layout", "rewards"]);

export class Options {
  /** @type {Drawing} */
  #kept;
  #form;

  /** @param {HTMLElement} editor @param {Drawing} config */
  constructor(editor, config) {
    this.#kept = { ...config };
    this.#form = editor.closest("form");
  }

  /** Everything, as the API takes it: numbers as numbers, what is no number as it was typed. @returns {Drawing} */
  read() {
    const values = { ...this.#kept };
    for (const name of Object.keys(this.#kept)) {
      const text = this.#field(name)?.value;
      if (text === undefined) continue;
      if (name === "layout") values.layout = text.trim().replace(/\r?\n/g, "/");
      else if (TEXTS.has(name)) values[name] = text;
      else if (text.trim() !== "") values[name] = Number.isFinite(Number(text)) ? Number(text) : text;
    }
    return values;
  }

  /** Write what differs, and say so to the form once. @param {Drawing} values */
  write(values) {
    const before = this.read();
    let changed = null;
    for (const [name, value] of Object.entries(values)) {
      const field = before[name] === value ? null : this.#field(name);
      this.#kept[name] = value;
      if (field) field.value = String(value);
      changed = field ?? changed;
    }
    changed?.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** The discount the form asks for, or null. */
  gamma() {
    const field = this.#form?.elements.namedItem("config.gamma");
    const value = field instanceof HTMLInputElement && field.value.trim() !== "" ? Number(field.value) : NaN;
    return value >= 0 && value <= 1 ? value : null;
  }

  /** @param {string} name */
  #field(name) {
    const found = this.#form?.elements.namedItem(PREFIX + name);
    return found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement ? found : null;
  }
}
