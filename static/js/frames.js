// @ts-check
// The picture of one panel of one run: read once for everyone who shows it, and again whenever the stream announces a newer
// one; while a past moment is shown, the picture of then.

import { frame, json } from "./api.js";
import { Audience } from "./audience.js";
import { momentOf, placeOf } from "./moment.js";
import { Past } from "./past.js";
import { subscribe } from "./stream.js";

const LEAST_MS = 125;
const LATER_MS = 700;

/** @typedef {import("./api.js").Picture} Picture */

/** @type {Map<string, FrameFeed>} */
const feeds = new Map();

/**
 * Hear of the pictures of a panel until the returned function is called.
 * @param {{run: number, panel: string, options?: Record<string, string>}} what @param {(picture: Picture) => void} told
 * @param {Element} [host] what shows it: while it is out of the window, quick moves through the past pass it by
 */
export function watchFrames(what, told, host) {
  const key = JSON.stringify(what);
  let feed = feeds.get(key);
  if (!feed) feeds.set(key, (feed = new FrameFeed(what)));
  const leave = feed.audience.add(told, host);
  return () => {
    leave();
    if (feed.audience.size) return;
    feed.close();
    feeds.delete(key);
  };
}

class FrameFeed {
  audience = new Audience();
  /** @type {Picture | null} */
  #latest = null;
  #path = "";
  #panel = "";
  /** @type {number | null} the step of the past picture that is wanted; null follows the run */
  #then = null;
  #is_busy = false;
  #is_due = false;
  #is_closed = false;
  #read_at = 0;
  #is_there = false;
  #leave = () => {};
  #past;
  #moment;

  /** @param {{run: number, panel: string, options?: Record<string, string>}} what */
  constructor({ run, panel, options = {} }) {
    this.#path = `/runs/${run}/frames/${panel}?${new URLSearchParams(options)}`.replace(/\?$/, "");
    this.#panel = panel;
    this.#past = new Past(this.#path, () => this.#arrive());
    this.#moment = momentOf(run);
    const wanted = JSON.stringify(options);
    const unwatch = this.#moment.watch(() => this.#travel());
    const unsubscribe = subscribe({ runs: [run], panels: [{ run, panel, options }] }, (_id, delta) => {
      const is_ours = (/** @type {any} */ one) => one.panel === panel && (!one.options || same(one.options, wanted));
      this.#is_there ||= delta.frames?.some(is_ours) ?? false;
      const is_turn = isTurn(delta.run?.state);
      if ((delta.refetch || is_turn) && !this.#is_there) this.#look(run, panel);
      else if (delta.refetch || is_turn || delta.frames?.some(is_ours)) this.read();
      if (is_turn) setTimeout(() => this.read(), LATER_MS); // the last picture may be stored after the state
    });
    this.#leave = () => {
      unwatch();
      unsubscribe();
    };
    this.#look(run, panel);
    this.#travel();
  }

  /** The moment has moved: what is out of the window waits until it rests. */
  #travel() {
    if (this.#moment.at === null) this.#go();
    else this.audience.whenSeen(() => this.#go());
  }

  /** Show the picture of the moment. A panel of which nothing is kept goes on following the run. */
  #go() {
    const { at } = this.#moment;
    const steps = this.#moment.stepsOf(this.#panel);
    if (at === null || !steps.length) return this.#back();
    const place = placeOf(steps, at);
    if (steps[place] === this.#then) return;
    this.#then = steps[place];
    this.#arrive();
    this.#past.around(steps, place);
  }

  /** Show the past picture that is wanted, if it is there. */
  #arrive() {
    const found = this.#then === null ? undefined : this.#past.get(this.#then);
    if (found && found !== this.audience.shown) this.audience.tell(found, true);
  }

  #back() {
    if (this.#then === null) return;
    this.#then = null;
    if (this.#latest) this.audience.tell(this.#latest, false);
    this.read();
  }

  /** Read if something was drawn already; else the stream says when. @param {number} run @param {string} panel */
  async #look(run, panel) {
    const { panels } = await json(`/runs/${run}/frames`).catch(() => ({ panels: [] }));
    this.#is_there ||= panels.some((/** @type {any} */ one) => one.panel === panel && one.steps.length);
    this.read();
  }

  /** Read soon; several announcements become one request. */
  async read() {
    if (!this.#is_there || this.#then !== null) return;
    this.#is_due = true;
    if (this.#is_busy) return;
    this.#is_busy = true;
    while (this.#is_due && !this.#is_closed) {
      await pause(this.#read_at + LEAST_MS - performance.now());
      this.#is_due = false;
      this.#read_at = performance.now();
      try {
        this.#latest = await frame(this.#path);
        if (this.#then === null && !this.#is_closed) this.audience.tell(this.#latest, false);
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
