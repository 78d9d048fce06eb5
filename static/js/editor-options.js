// @ts-check
// Where the options of an edited world are kept: in the fields of the form around the editor, or, without one, beside it.

/** @typedef {Record<string, string | number>} Values */

const PREFIX = "environment_config.";
const TEXTS = new Set(["layout", "rewards"]);

export class Options {
  /** @type {Values} */
  #kept;
  #form;
  #is_ahead = false;

  /** @param {HTMLElement} editor @param {Values} config */
  constructor(editor, config) {
    this.#kept = { ...config };
    this.#form = editor.closest("form");
  }

  /** @param {string} name */
  #field(name) {
    const found = this.#form?.elements.namedItem(PREFIX + name);
    return found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement ? found : null;
  }

  /** Everything, as the API takes it: numbers as numbers, what is no number as it was typed. */
  read() {
    /** @type {Values} */
    const values = {};
    for (const [name, kept] of Object.entries(this.#kept)) {
      const text = this.text(name);
      if (TEXTS.has(name)) values[name] = text;
      else if (text.trim() !== "") values[name] = Number.isFinite(Number(text)) ? Number(text) : text;
      else if (!this.#form) values[name] = kept;
    }
    return values;
  }

  /** @param {string} name */
  text(name) {
    const text = this.#field(name)?.value ?? String(this.#kept[name] ?? "");
    return name === "layout" ? text.trim().replace(/\r?\n/g, "/") : text;
  }

  /** Hold a value before the form hears of it: while a slider moves. @param {string} name @param {number} value */
  keep(name, value) {
    this.#kept[name] = value;
    const field = this.#field(name);
    if (field) field.value = String(value);
    this.#is_ahead = true;
  }

  /** Write what differs, and say so to the form once. @param {Values} values */
  write(values) {
    let changed = this.#is_ahead ? this.#field("slip") : null;
    this.#is_ahead = false;
    for (const [name, value] of Object.entries(values)) {
      if (this.text(name) === String(value)) continue;
      this.#kept[name] = value;
      const field = this.#field(name);
      if (!field) continue;
      field.value = String(value);
      changed = field;
    }
    changed?.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** The discount the form asks for, or null. */
  gamma() {
    const field = this.#form?.elements.namedItem("config.gamma");
    const value = field instanceof HTMLInputElement && field.value.trim() !== "" ? Number(field.value) : NaN;
    return value >= 0 && value <= 1 ? value : null;
  }
}
