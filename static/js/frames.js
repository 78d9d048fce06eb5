// @ts-check
// The latest picture of one panel of one run: read once, and again whenever the stream announces a newer one.

import { frame } from "./api.js";
import { subscribe } from "./stream.js";

const LEAST_MS = 125;
const LATER_MS = 700;

export class FrameFeed {
  #path = "";
  #is_busy = false;
  #is_due = false;
  #is_closed = false;
  #read_at = 0;
  #leave = () => {};

  /**
   * @param {{run: number, panel: string, options?: Record<string, string>}} what
   * @param {(frame: Awaited<ReturnType<typeof frame>>) => void} told
   */
  constructor(what, told) {
    const { run, panel, options = {} } = what;
    this.told = told;
    this.#path = `/runs/${run}/frames/${panel}?${new URLSearchParams(options)}`.replace(/\?$/, "");
    const wanted = JSON.stringify(options);
    this.#leave = subscribe({ runs: [run], panels: [{ run, panel, options }] }, (_id, delta) => {
      const is_ours = (/** @type {any} */ one) => one.panel === panel && (!one.options || same(one.options, wanted));
      if (delta.refetch || delta.frames?.some(is_ours) || isTurn(delta.run?.state)) this.read();
    });
    this.read();
  }

  /** Read soon; several announcements become one request. */
  async read() {
    this.#is_due = true;
    if (this.#is_busy) return;
    this.#is_busy = true;
    while (this.#is_due && !this.#is_closed) {
      await pause(this.#read_at + LEAST_MS - performance.now());
      this.#is_due = false;
      this.#read_at = performance.now();
      try {
        const found = await frame(this.#path);
        if (!this.#is_closed) this.told(found);
      } catch {
        await pause(LATER_MS); // nothing was drawn yet; the stream says when
      }
    }
    this.#is_busy = false;
  }

  close() {
    this.#is_closed = true;
    this.#leave();
  }
}

/** @param {string | undefined} state */
const isTurn = (state) => state === "paused" || state === "finished" || state === "stopped" || state === "failed";

/** @param {object} given @param {string} wanted */
const same = (given, wanted) => wanted === "{}" || JSON.stringify(given) === wanted || Object.keys(given).length > 0;

/** @param {number} wait_ms */
const pause = (wait_ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, wait_ms)));
