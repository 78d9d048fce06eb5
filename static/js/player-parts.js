// @ts-check
// The player's canvas and list, its words, and which episode belongs to a moment.

import { make } from "./chart-frame.js";
import { number, steps } from "./format.js";
import { define } from "./loader.js";
import { drawScene } from "./scenes.js";
export { stepMs } from "./scenes.js";
import { t } from "./text.js";

export const LIVE = "live";

/** Name the parts of a player and return what holds its canvas. @param {HTMLCanvasElement} canvas @param {HTMLSelectElement} select */
export function furnish(canvas, select) {
  const host = make("div", "player-scene");
  host.append(canvas);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("The agent in its world"));
  select.dataset.size = "small";
  select.setAttribute("aria-label", t("What to show"));
  select.add(new Option(t("Live"), LIVE));
  return host;
}

/** A small button. @param {string} text @param {() => void} act */
export function press(text, act) {
  const button = /** @type {HTMLButtonElement} */ (make("button", "button", text));
  [button.type, button.dataset.size] = ["button", "small"];
  button.addEventListener("click", act);
  return button;
}

/** Some controls side by side. @param {Element[]} parts */
export function rowOf(...parts) {
  const row = make("div", "player-bar");
  row.append(...parts);
  return row;
}

/** Let a person play an episode, below the agent's. @param {Element} host @param {Record<string, string>} facts its attributes */
export function openGame(host, facts) {
  host.querySelector("episode-game")?.remove();
  const game = document.createElement("episode-game");
  for (const [name, value] of Object.entries(facts)) game.setAttribute(name, value);
  host.append(game);
  define(host);
}

/** The world of an attribute, or null where nothing draws it. @param {string | null} text @returns {import("./scenes.js").Scene | null} */
export function sceneOf(text) {
  const scene = JSON.parse(text ?? "{}");
  return scene.drawing ? scene : null;
}

/** What can be shown: now, then the kept episodes from the last evaluation back. @param {any[]} episodes */
export function choices(episodes) {
  const names = { best: t("best"), median: t("median"), worst: t("worst") };
  const options = episodes.map((one) => {
    const text = t("step {step}: return {value}", { step: steps(one.step), value: number(one.return) });
    const name = names[/** @type {keyof names} */ (one.place)];
    return new Option(name ? `${text}, ${name}` : text, String(one.number));
  });
  return [new Option(t("Live"), LIVE), ...options.reverse()];
}

/** The median episode of the last evaluation by a moment, else of the first one. @param {any[]} episodes @param {number} [at] */
export function nearest(episodes, at = Infinity) {
  const typical = episodes.filter((one) => !one.place || one.place === "median");
  return typical.findLast((one) => one.step <= at) ?? typical[0];
}

/** What a replay shows, and how it stands to the moment it was sought for. @param {any} episode @param {number | null} at */
export function replayed(episode, at) {
  const end = episode.terminated ? t("ended by the environment") : t("cut by the time limit");
  const facts = { step: steps(episode.step), value: number(episode.return), length: number(episode.length), end };
  const words = t("evaluation at step {step}: return {value} in {length} steps, {end}", facts);
  if (at === null) return words;
  if (episode.step <= at) return `${words} · ${t("the last one by step {at}", { at: steps(at) })}`;
  return t("later: {words} · none was kept by step {at}", { words, at: steps(at) });
}

/** How high a scene is drawn in a width. @param {{rows?: number, cols?: number} | null} scene @param {number} width */
export function heightOf(scene, width) {
  const { rows, cols } = scene ?? {};
  const most = Math.max(180, innerHeight * 0.3);
  return Math.min(most, rows && cols ? ((width - 16) * rows) / cols + 16 : width * 0.5);
}

/**
 * Draw the states at a moment between two of them.
 * @param {CanvasRenderingContext2D} ctx @param {{w: number, h: number}} size @param {import("./scenes.js").Scene} scene
 * @param {{states: number[][], at: number, has_trail: boolean}} what
 */
export function drawMoment(ctx, size, scene, { states, at, has_trail }) {
  if (!states.length) return;
  const index = Math.max(0, Math.min(Math.floor(at), states.length - 1));
  const next = states[Math.min(index + 1, states.length - 1)];
  drawScene(ctx, size, scene, { state: states[index], next, share: at - index, trail: has_trail ? states.slice(0, index + 1) : [] });
}
