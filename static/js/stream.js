// @ts-check
// One event stream for the whole browser: one tab leads and reads it, the others get its messages over a channel.
// Where Web Locks or BroadcastChannel are missing, each page has its own.

/**
 * @typedef {{runs: number[], rows: boolean, panels: {run: number, panel: string, options: object}[]}} Wants
 * @typedef {{run?: Record<string, any>, points?: Record<string, any>, events?: any[], frames?: any[], agent?: any,
 *   episodes?: any[], checkpoints?: any[], refetch?: boolean, deleted?: boolean}} Delta
 */

import { linkIs } from "./link.js";

const HELLO_MS = 15_000;
const GONE_MS = 50_000;
const me = `${Date.now().toString(36)}-${Math.floor(performance.now() * 1000).toString(36)}`;
const channel = "BroadcastChannel" in globalThis && navigator.locks ? new BroadcastChannel("rl-playground-stream") : null;
/** @type {Set<{wants: Wants, told: (id: number, delta: Delta) => void}>} */
const listeners = new Set();
/** @type {Map<string, {wants: Wants, seen: number}>} */
const tabs = new Map();
/** @type {import("./source.js").Source | null} */
let source = null;
let isAnnounced = false;

/**
 * Hear of runs until the returned function is called.
 * @param {Partial<Wants>} wants @param {(id: number, delta: Delta) => void} told
 */
export function subscribe(wants, told) {
  const entry = { wants: { runs: [], rows: false, panels: [], ...wants }, told };
  listeners.add(entry);
  announceSoon();
  return () => {
    listeners.delete(entry);
    announceSoon();
  };
}

function announceSoon() {
  if (isAnnounced) return;
  isAnnounced = true;
  queueMicrotask(() => {
    isAnnounced = false;
    announce();
  });
}

function announce() {
  const wants = document.hidden ? { runs: [], rows: false, panels: [] } : merged([...listeners].map((one) => one.wants));
  tabs.set(me, { wants, seen: performance.now() });
  if (source) follow();
  else channel?.postMessage({ type: "wants", tab: me, wants });
}

/** @param {Wants[]} all @returns {Wants} */
function merged(all) {
  const panels = new Map(all.flatMap((one) => one.panels).map((panel) => [JSON.stringify(panel), panel]));
  const runs = [...new Set([...all.flatMap((one) => one.runs)])].sort((a, b) => a - b);
  return { runs, rows: all.some((one) => one.rows), panels: [...panels.values()] };
}

function follow() {
  const now = performance.now();
  for (const [tab, { seen }] of tabs) if (tab !== me && now - seen > GONE_MS) tabs.delete(tab);
  source?.follow(merged([...tabs.values()].map((tab) => tab.wants)));
}

async function lead() {
  const { Source } = await import("./source.js");
  const told = (/** @type {Record<string, Delta>} */ runs) => {
    deliver(runs);
    channel?.postMessage({ type: "news", runs });
  };
  const linked = (/** @type {boolean} */ is_lost) => {
    linkIs(is_lost);
    channel?.postMessage({ type: "link", is_lost });
  };
  source = new Source(told, linked);
  channel?.postMessage({ type: "who" });
  announce();
}

/** @param {Record<string, Delta>} runs */
function deliver(runs) {
  for (const [id, delta] of Object.entries(runs)) {
    for (const { wants, told } of listeners) if (wants.rows || wants.runs.includes(Number(id))) told(Number(id), delta);
  }
}

/** Ask every listener to read its runs again, after a time of not listening. */
function refetchAll() {
  for (const { wants, told } of listeners) for (const run of wants.runs.length ? wants.runs : [0]) told(run, { refetch: true });
}

channel?.addEventListener("message", ({ data }) => {
  if (data.type === "news" && !document.hidden) deliver(data.runs);
  if (data.type === "link") linkIs(data.is_lost);
  if (data.type === "who") {
    linkIs(false); // a new leader says it again where it is so
    announce();
  }
  if (data.type === "bye") tabs.delete(data.tab);
  if (data.type === "wants") tabs.set(data.tab, { wants: data.wants, seen: performance.now() });
  if (source && (data.type === "wants" || data.type === "bye")) follow();
});
document.addEventListener("visibilitychange", () => {
  announce();
  if (!document.hidden) refetchAll();
});
addEventListener("pagehide", () => {
  channel?.postMessage({ type: "bye", tab: me });
  source?.close();
});
addEventListener("pageshow", (event) => event.persisted && announce());
setInterval(announce, HELLO_MS);

if (channel) navigator.locks.request("rl-playground-stream", () => lead().then(() => new Promise(() => {})));
else lead();
