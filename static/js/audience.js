// @ts-check
// Those who show one panel's pictures: one that is in the window is told at once, the others of a past moment when it rests.

import { watchSight } from "./sight.js";

const REST_MS = 160;

/** @typedef {import("./api.js").Picture} Picture */
/** @typedef {{told: (picture: Picture) => void, host?: Element, is_seen: boolean, is_late: boolean}} Viewer */

export class Audience {
  /** @type {Picture | null} */
  shown = null;
  /** @type {Set<Viewer>} */
  #viewers = new Set();
  #timer = 0;
  #rest = 0;
  /** @type {(() => void) | null} */
  #waiting = null;
  #come;

  /** @param {() => void} come told whenever somebody comes into the window, or cannot be out of it */
  constructor(come) {
    this.#come = come;
  }

  get size() {
    return this.#viewers.size;
  }

  get is_seen() {
    return [...this.#viewers].some((viewer) => viewer.is_seen);
  }

  /** Act now if some viewer is in the window, else when one comes or the moment rests; the latest act counts. @param {() => void} act */
  whenSeen(act) {
    clearTimeout(this.#rest);
    this.#waiting = act;
    if (this.is_seen) this.#act();
    else this.#rest = setTimeout(() => this.#act(), REST_MS);
  }

  #act() {
    const act = this.#waiting;
    this.#waiting = null;
    clearTimeout(this.#rest);
    act?.();
  }

  /** Tell a viewer until the returned function is called. @param {(picture: Picture) => void} told @param {Element} [host] what shows it */
  add(told, host) {
    /** @type {Viewer} */
    const viewer = { told, host, is_seen: true, is_late: false };
    this.#viewers.add(viewer);
    const blind = host ? watchSight(host, (is_seen) => this.#sight(viewer, is_seen)) : () => {};
    if (!host) this.#come();
    if (this.shown) this.#show(viewer, this.shown);
    return () => {
      blind();
      this.#viewers.delete(viewer);
      if (!this.size) [this.#timer, this.#rest].forEach(clearTimeout);
    };
  }

  /** There is no picture so far. */
  tellOfNone() {
    for (const { host } of this.#viewers) host?.dispatchEvent(new CustomEvent("no-picture"));
  }

  /** Show a picture; one that waits for something has words only, and what was shown before stays. @param {Viewer} viewer @param {Picture} picture */
  #show(viewer, picture) {
    const why = picture.meta?.waits;
    if (why) viewer.host?.dispatchEvent(new CustomEvent("no-picture", { detail: why }));
    else viewer.told(picture);
  }

  /** @param {Picture} picture @param {boolean} is_past */
  tell(picture, is_past) {
    this.shown = picture;
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers) {
      viewer.is_late = is_past && !viewer.is_seen;
      if (!viewer.is_late) this.#show(viewer, picture);
    }
    this.#timer = setTimeout(() => this.#catchUp(() => true), REST_MS);
  }

  /** @param {(viewer: Viewer) => boolean} who */
  #catchUp(who) {
    for (const viewer of this.#viewers) {
      if (!viewer.is_late || !this.shown || !who(viewer)) continue;
      viewer.is_late = false;
      this.#show(viewer, this.shown);
    }
  }

  /** @param {Viewer} viewer @param {boolean} is_seen */
  #sight(viewer, is_seen) {
    const is_new = is_seen && !viewer.is_seen;
    viewer.is_seen = is_seen;
    if (is_seen) this.#come();
    if (!is_new) return;
    this.#act();
    this.#catchUp((one) => one === viewer);
  }
}
