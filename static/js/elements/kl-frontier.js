// @ts-check
// Reward against divergence, length of completions, and answers to what everyone asks, from a run's curves. Attributes: run, panel.

import { json } from "../api.js";
import { make } from "../chart-frame.js";
import { Figures } from "../figures.js";
import { number } from "../format.js";
import { curvesOf } from "../series.js";
import { t } from "../text.js";

const NAMES = ["objective/kl", "objective/true_reward", "train/reward", "completions/mean_length", "train/loss", "train/grad_norm", "train/value_loss", "logps/chosen", "logps/rejected", "rewards/margins"];
const APART = 0.02; // of the range: below it the two rewards are the same curve
const FALLEN = 0.05; // of the reward: less is the luck of a batch
const WINDOW = 12; // the last of so many stretches of a run is averaged over
const MOST_BESIDE = 3; // records to either side of one whose mean tells a peak from luck
const NEAR_0 = 0.01; // of a loss whose advantages cancel
const AGAIN_MS = 250;

class KlFrontier extends HTMLElement {
  #leave = () => {};
  /** @type {Record<string, any>} the run's hyperparameters */
  #config = {};
  #figures = /** @type {Figures | null} */ (null);
  #body = make("div");
  #answers = make("div", "stack small");
  #timer = 0;

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    this.replaceChildren(make("p", "map-wait", t("Waiting for the first picture.")));
    this.#figures = new Figures(this.#body);
    const soon = () => {
      if (!this.#timer) this.#timer = setTimeout(() => this.#show(run), AGAIN_MS);
    };
    this.#leave = curvesOf(run).listen(NAMES, soon);
    json(`/runs/${run}`).then(({ config }) => ([this.#config] = [config, soon()]), () => {});
  }

  disconnectedCallback() {
    this.#leave();
    clearTimeout(this.#timer);
    this.#figures?.close();
  }

  /** @param {number} run */
  #show(run) {
    this.#timer = 0;
    const curves = curvesOf(run).curves;
    const at = (/** @type {string} */ name) => curves.get(name) ?? { steps: [], values: [] };
    const [kl, truth, said, length] = ["objective/kl", "objective/true_reward", "train/reward", "completions/mean_length"].map(at);
    const count = Math.min(kl.values.length, truth.values.length, said.values.length);
    if (!count || !this.#figures) return;
    const numbers = (/** @type {any} */ curve) => Float32Array.from(curve.values, (/** @type {number | null} */ value) => value ?? NaN);
    const arrays = { kl: numbers(kl).slice(0, count), truth: numbers(truth).slice(0, count), said: numbers(said).slice(0, count), steps: Float32Array.from(length.steps), length: numbers(length) };
    const is_apart = arrays.said.some((value, i) => Math.abs(value - arrays.truth[i]) > APART);
    this.#figures.show({ meta: { figures: figures(is_apart, arrays, this.#config.beta > 0), words: "" }, arrays });
    this.#answers.replaceChildren(...answers(at, this.#config.pairs ?? "").map((text) => make("p", "muted", text)));
    if (!this.#body.isConnected) this.replaceChildren(this.#body, this.#answers);
  }
}

/** @param {boolean} is_apart whether a reward model judges @param {Record<string, Float32Array>} arrays @param {boolean} has_price */
function figures(is_apart, { kl, truth, said }, has_price) {
  const [smooth, score] = [truth, said].map(steady); // one lucky batch is no peak
  const best = smooth.reduce((found, value, i) => (value > smooth[found] ? i : found), 0);
  const last = kl.length - 1;
  const marks = [{ kind: "dots", x: "kl", y: "truth", color: 0, name: t("what the task says") }];
  if (is_apart) marks.push({ kind: "dots", x: "kl", y: "said", color: 1, name: t("what the reward model says, in its deviations above the start") });
  const end = t("From {first} at {near} nats to {last} at {far} nats.", { first: number(truth[0], 3), near: number(kl[0], 3), last: number(truth[last], 3), far: number(kl[last], 3) });
  const over = is_apart && score[last] >= score[best] && smooth[last] < smooth[best] - FALLEN;
  const way_out = has_price ? t("A higher price on the divergence (β) holds this back more.") : t("A price on the divergence (β) holds this back.");
  const words = over ? `${t("Over-optimised: since {nats} nats the reward model's score went on while the truth fell from {best} to {last}, means over neighbouring updates.", { nats: number(kl[best], 3), best: number(smooth[best], 3), last: number(smooth[last], 3) })} ${way_out}` : "";
  return [
    { title: t("Reward over divergence"), words: [end, words].filter(Boolean).join(" "), x: { label: t("divergence from the reference, nats; an estimate, which may fall below 0") }, y: { label: t("reward") }, marks },
    { title: t("Length of what it writes"), words: t("A reward that grows with the length shows here first."), x: { label: t("update") }, y: { label: t("tokens"), low: 0 }, marks: [{ kind: "line", x: "steps", y: "length", color: 0 }] },
  ];
}

/** @param {(number | null)[]} values */
const mean = (values) => values.reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0) / values.length;

/** Means over some values to either side. @param {Float32Array} values */
function steady(values) {
  const reach = Math.min(MOST_BESIDE, Math.ceil(values.length / WINDOW / 2));
  return values.map((_value, i) => mean([...values.subarray(Math.max(0, i - reach), i + reach + 1)]));
}

/** What everyone asks, answered with the first numbers of this run and the mean of its last ones. @param {(name: string) => {values: (number | null)[]}} at @param {string} pairs */
function answers(at, pairs) {
  const ends = (/** @type {string} */ name) => {
    const { values } = at(name);
    return values.length ? [values[0] ?? 0, mean(values.slice(-Math.ceil(values.length / WINDOW)))] : null;
  };
  const [loss, slope, chosen, rejected, margin] = ["train/loss", "train/grad_norm", "logps/chosen", "logps/rejected", "rewards/margins"].map(ends);
  const found = [];
  const has_critic = at("train/value_loss").values.length > 0; // whose error is in the loss
  if (loss && slope && !chosen && !has_critic && Math.abs(loss[0]) < NEAR_0) found.push(t("Why does the loss begin near 0, here at {loss}? The advantages of what was written add up to about 0, and on fresh completions every ratio is 1. The gradient is not 0: its norm was {slope}. Watch the reward, not the loss.", { loss: number(loss[0], 3), slope: number(slope[0], 3) }));
  if (pairs === "online" && margin && margin[1] < 0) found.push(t("Why is the margin below 0, here {margin}, while the reward rises? The model writes the pairs itself: only a prompt at which it still errs gives one, and what it errs by is what became likelier. Pairs of the reference (pairs: offline) are ranked better and better.", { margin: number(margin[1], 3) }));
  if (pairs === "offline" && chosen && rejected && margin && chosen[1] < chosen[0]) {
    const words = { a: number(chosen[0], 3), b: number(chosen[1], 3), c: number(rejected[0], 3), d: number(rejected[1], 3), m: number(margin[0], 3), n: number(margin[1], 3) };
    found.push(t("Why did the preferred completion become less likely? The loss asks for a margin only, and is content where both fall and the other one further. Here the log-probability of the preferred went from {a} to {b}, that of the others from {c} to {d}, and the margin from {m} to {n}.", words));
  }
  return found;
}

customElements.define("kl-frontier", KlFrontier);
