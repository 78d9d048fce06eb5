// @ts-check
// Asks the server for V* of a world. One question at a time; of those that come meanwhile only the last is asked.

import { t } from "./text.js";

/**
 * @typedef {{v: number[], policy: number[][], reachable: boolean[], n_actions: number, start_value: number, gamma: number, layout: {rows: number, cols: number, cells: string}}} Answer
 * @typedef {{where: string, rule: string, way_out: string}} Fault
 */

export class Solver {
  #path;
  #told;
  /** @type {object | null} */
  #wanted = null;
  #is_busy = false;

  /** @param {string} environment @param {(answer: Answer | null, faults: Fault[]) => void} told */
  constructor(environment, told) {
    this.#path = `/environments/${environment}/solution`;
    this.#told = told;
  }

  /** @param {{environment_config: object, gamma: number, step?: number}} question */
  async ask(question) {
    this.#wanted = question;
    if (this.#is_busy) return;
    this.#is_busy = true;
    while (this.#wanted) {
      const asked = this.#wanted;
      this.#wanted = null;
      const { body, faults } = await send("POST", this.#path, { ...asked, explain: true });
      const found = faults.length ? faults : body.faults;
      if (!this.#wanted) this.#told(found.length ? null : body, found);
    }
    this.#is_busy = false;
  }
}

/**
 * Send JSON; what is refused comes back as its faults, and so does a server that does not answer.
 * @param {string} method @param {string} path @param {object} [content] @returns {Promise<{body: any, faults: Fault[]}>}
 */
export async function send(method, path, content) {
  try {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(content && { "Content-Type": "application/json" }) },
      body: content && JSON.stringify(content),
    });
    const body = answer.status === 204 ? {} : await answer.json();
    if (answer.ok) return { body, faults: [] };
    return { body, faults: body.errors?.length ? body.errors : [{ where: "", rule: body.detail ?? String(answer.status), way_out: "" }] };
  } catch {
    return { body: null, faults: [{ where: "", rule: t("The server did not answer."), way_out: t("Is it still running?") }] };
  }
}
