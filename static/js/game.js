// @ts-check
// One game on the server: its steps go there in order, one request at a time, and what was reached comes back.

import { number } from "./format.js";
import { t } from "./text.js";

const MOST_WAITING = 40;

/** @typedef {{states: number[][], return: number, length: number, terminated: boolean, truncated: boolean}} Reached */

/** @param {string} method @param {string} path @param {object} [body] */
async function send(method, path, body) {
  const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
  const asked = { method, headers, credentials: /** @type {RequestCredentials} */ ("same-origin"), keepalive: method === "DELETE", ...(body && { body: JSON.stringify(body) }) };
  const answer = await fetch(`/api/v1${path}`, asked).catch(() => null);
  if (!answer) throw new Error(t("The server did not answer. Is it still running?"));
  const told = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(told?.detail ?? String(answer.status));
  return told;
}

/** Begin a game from the start of an episode. @param {number} run @param {number} number */
export const begin = (run, number) => send("POST", `/runs/${run}/episodes/${number}/plays`);

/** What came of a game, beside the agent's episode. @param {Reached} mine @param {{return: number, length: number}} agent */
export function outcome(mine, agent) {
  const verdict = mine.return > agent.return ? t("you did better") : mine.return < agent.return ? t("the agent did better") : t("a draw");
  const theirs = t("the agent: {value} in {length} steps", { value: number(agent.return), length: number(agent.length) });
  return `${sofar(mine)} · ${theirs} · ${verdict}`;
}

/** @param {Reached} mine */
export function sofar({ length, terminated, truncated, ...rest }) {
  const words = t("You: {value} in {length} steps", { value: number(rest.return), length: number(length) });
  if (!terminated && !truncated) return words;
  return `${words}, ${terminated ? t("ended by the environment") : t("cut by the time limit")}`;
}

export class Game {
  /** @type {(number | number[])[]} */
  #waiting = [];
  #is_asking = false;
  is_over = false;

  /** @param {string} id @param {(reached: Reached) => void} reached @param {(why: string) => void} failed */
  constructor(id, reached, failed) {
    this.id = id;
    this.reached = reached;
    this.failed = failed;
  }

  /** Take a step; a server that lags far behind misses some. @param {number | number[]} action */
  step(action) {
    if (this.is_over || this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(action);
    if (!this.#is_asking) this.#ask();
  }

  async #ask() {
    this.#is_asking = true;
    try {
      while (this.#waiting.length && !this.is_over) {
        const reached = await send("POST", `/plays/${this.id}/steps`, { actions: this.#waiting.splice(0) });
        this.is_over ||= reached.terminated || reached.truncated;
        this.reached(reached);
      }
    } catch (error) {
      this.is_over = true;
      this.failed(/** @type {Error} */ (error).message);
    }
    this.#is_asking = false;
  }

  /** Let the server forget it. */
  end() {
    this.is_over = true;
    send("DELETE", `/plays/${this.id}`).catch(() => null);
  }
}
