// @ts-check
// Reward against divergence, length of completions, and answers to what everyone asks, from a run's curves. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { Figures } from "../figures.js";
import { number } from "../format.js";
import { curvesOf } from "../series.js";
import { t } from "../text.js";

const NAMES = ["objective/kl", "objective/true_reward", "train/reward", "completions/mean_length", "train/loss", "train/grad_norm", "logps/chosen", "logps/rejected", "rewards/margins"];
const APART = 0.02; // of the range: below it the two rewards are the same curve
const NEAR_0 = 0.1; // of a loss whose advantages cancel; a critic's error is larger
const AGAIN_MS = 250;

class KlFrontier extends HTMLElement {
  #leave = () => {};
  #figures = /** @type {Figures | null} */ (null);
  #body = make("div");
  #answers = make("div", "stack small");
  #timer = 0;

  connectedCallback() {
    const run = Number(this.getAttribute("run"));
    this.replaceChildren(make("p", "map-wait", t("Waiting for the first picture.")));
    this.#figures = new Figures(this.#body);
    this.#leave = curvesOf(run).listen(NAMES, () => {
      if (!this.#timer) this.#timer = setTimeout(() => this.#show(run), AGAIN_MS);
    });
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
    this.#figures.show({ meta: { figures: figures(is_apart, arrays), words: "" }, arrays });
    this.#answers.replaceChildren(...answers(at).map((text) => make("p", "muted", text)));
    if (!this.#body.isConnected) this.replaceChildren(this.#body, this.#answers);
  }
}

/** @param {boolean} is_apart whether a reward model judges @param {Record<string, Float32Array>} arrays */
function figures(is_apart, { kl, truth, said }) {
  const best = truth.reduce((found, value, i) => (value > truth[found] ? i : found), 0);
  const last = kl.length - 1;
  const marks = [{ kind: "dots", x: "kl", y: "truth", color: 0, name: t("what the task says") }];
  if (is_apart) marks.push({ kind: "dots", x: "kl", y: "said", color: 1, name: t("what the reward model says, in its deviations above the start") });
  const end = t("From {first} at {near} nats to {last} at {far} nats.", { first: number(truth[0], 3), near: number(kl[0], 3), last: number(truth[last], 3), far: number(kl[last], 3) });
  const over = is_apart && said[last] >= said[best] && truth[last] < truth[best] - APART;
  const words = over ? t("Over-optimised: since {nats} nats the reward model's score went on while the truth fell from {best} to {last}. A price on the divergence (β) holds this back.", { nats: number(kl[best], 3), best: number(truth[best], 3), last: number(truth[last], 3) }) : "";
  return [
    { title: t("Reward over divergence"), words: [end, words].filter(Boolean).join(" "), x: { label: t("divergence from the reference, nats") }, y: { label: t("reward") }, marks },
    { title: t("Length of what it writes"), words: t("A reward that grows with the length shows here first."), x: { label: t("update") }, y: { label: t("tokens"), low: 0 }, marks: [{ kind: "line", x: "steps", y: "length", color: 0 }] },
  ];
}

/** What everyone asks, answered with the numbers of this run. @param {(name: string) => {values: (number | null)[]}} at */
function answers(at) {
  const ends = (/** @type {string} */ name) => {
    const { values } = at(name);
    return values.length ? [values[0] ?? 0, values[values.length - 1] ?? 0] : null;
  };
  const [loss, slope, chosen, rejected, margin] = ["train/loss", "train/grad_norm", "logps/chosen", "logps/rejected", "rewards/margins"].map(ends);
  const found = [];
  if (loss && slope && !chosen && Math.abs(loss[0]) < NEAR_0) found.push(t("Why does the loss begin near 0, here at {loss}? The advantages of what was written add up to about 0, and on fresh completions every ratio is 1. The gradient is not 0: its norm was {slope}. Watch the reward, not the loss.", { loss: number(loss[0], 3), slope: number(slope[0], 3) }));
  if (chosen && rejected && margin && chosen[1] < chosen[0]) {
    const words = { a: number(chosen[0], 3), b: number(chosen[1], 3), c: number(rejected[0], 3), d: number(rejected[1], 3), m: number(margin[0], 3), n: number(margin[1], 3) };
    found.push(t("Why did the preferred completion become less likely? The loss asks for a margin only, and pairs share most of their tokens. Here the log-probability of the preferred went from {a} to {b}, that of the others from {c} to {d}, and the margin from {m} to {n}.", words));
  }
  return found;
}

customElements.define("kl-frontier", KlFrontier);
