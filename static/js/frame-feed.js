// @ts-check
// The feed of one panel of one run: the newest picture as the stream announces it, or that of a past moment.

import { frame, json } from "./api.js";
import { Audience } from "./audience.js";
import { momentOf, placeOf } from "./moment.js";
import { Past } from "./past.js";
import { subscribe } from "./stream.js";

const [LEAST_MS, LATER_MS, TRIES] = [125, 700, 4];

/** @typedef {import("./api.js").Picture} Picture */

export class FrameFeed {
  audience = new Audience(() => this.#watch());
  #latest = /** @type {Picture | null} */ (null);
  #path = "";
  #then = /** @type {number | null} the step of the past picture that is wanted; null follows the run */ (null);
  #is_busy = false;
  #is_due = false;
  #is_closed = false;
  #read_at = 0;
  #is_there = false;
  /** @type {(() => void)[]} */
  #leave = [];
  #is_watched = false;
  #wanted;
  #past;
  #moment;

  /** @param {{run: number, panel: string, options?: Record<string, string>}} what */
  constructor({ run, panel, options = {} }) {
    this.#path = `/runs/${run}/frames/${panel}?${new URLSearchParams(options)}`.replace(/\?$/, "");
    this.#past = new Past(this.#path, () => this.#arrive());
    this.#moment = momentOf(run);
    this.#wanted = { run, panel, options };
    const wanted = JSON.stringify(options);
    const is_ours = (/** @type {any} */ one) => one.panel === panel && (!one.options || same(one.options, wanted));
    const unwatch = this.#moment.watch(() => this.#travel(), () => this.#approach());
    const unsubscribe = subscribe({ runs: [run] }, (_id, delta) => {
      const ours = (delta.frames ?? []).filter(is_ours);
      this.#is_there ||= ours.length > 0;
      this.#renew(delta.refetch ? [undefined] : ours.filter((one) => !one.options).map((one) => one.step));
      const is_turn = isTurn(delta.run?.state);
      if ((delta.refetch || is_turn) && !this.#is_there) this.#look(run, panel);
      else if (delta.refetch || is_turn || ours.length) this.read();
      if (is_turn) setTimeout(() => this.read(), LATER_MS); // the last picture may be stored after the state
    });
    this.#leave.push(unwatch, unsubscribe);
    this.#look(run, panel);
    this.#travel();
  }

  /** Let it be drawn as the run goes: from when somebody first sees it, for what is folded or far below costs as much. */
  #watch() {
    if (this.#is_watched) return;
    this.#is_watched = true;
    this.#leave.push(subscribe({ runs: [this.#wanted.run], panels: [this.#wanted] }, () => {}));
  }

  /** The slider is about to move: read what lies around it. */
  #approach() {
    const steps = this.#moment.stepsOf(this.#wanted.panel);
    if (steps.length && this.#then === null && this.audience.is_seen) this.#past.around(steps, placeOf(steps, this.#moment.at ?? Infinity));
  }

  /** The moment has moved: what is out of the window waits until it rests. */
  #travel() {
    if (this.#moment.at === null) this.#go();
    else this.audience.whenSeen(() => this.#go());
  }

  /** Show the picture of the moment. A panel of which nothing is kept goes on following the run. */
  #go() {
    const { at } = this.#moment;
    const steps = this.#moment.stepsOf(this.#wanted.panel);
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

  /** Pictures were kept anew: of a world that was edited at the step where the run stands, there is another one. @param {(number | undefined)[]} steps */
  #renew(steps) {
    steps.forEach((step) => this.#past.forget(step));
    if (!steps.length || this.#then === null || this.#past.get(this.#then)) return;
    this.#then = null;
    this.#go();
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
    if (!this.#is_there) this.audience.tellOfNone();
    this.read();
  }

  /** Read soon; several announcements become one request. */
  async read() {
    if (!this.#is_there || this.#then !== null) return;
    this.#is_due = true;
    if (this.#is_busy) return;
    this.#is_busy = true;
    let failures = 0;
    while (this.#is_due && !this.#is_closed) {
      await pause(this.#read_at + LEAST_MS - performance.now());
      this.#is_due = false;
      this.#read_at = performance.now();
      try {
        this.#latest = await frame(this.#path);
        if (this.#then === null && !this.#is_closed) this.audience.tell(this.#latest, false);
      } catch {
        this.#is_due ||= ++failures < TRIES; // a paused run announces nothing more
        await pause(LATER_MS);
      }
    }
    this.#is_busy = false;
  }

  close() {
    this.#is_closed = true;
    this.#past.around([], 0);
    for (const leave of this.#leave) leave();
  }
}

const isTurn = (/** @type {string | undefined} */ state) => /^(paused|finished|stopped|failed)$/.test(state ?? "");

/** @param {object} given @param {string} wanted */
const same = (given, wanted) => wanted === "{}" || JSON.stringify(given) === wanted || Object.keys(given).length > 0;

/** @param {number} wait_ms */
const pause = (wait_ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, wait_ms)));
