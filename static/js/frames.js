// @ts-check
// The picture of one panel of one run: read once for everyone who shows it, and again whenever the stream announces a newer
// one; while a past moment is shown, the picture of then.

import { FrameFeed } from "./frame-feed.js";

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
