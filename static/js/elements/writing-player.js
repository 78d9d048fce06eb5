// @ts-check
// A completion as it is written, token by token, with the odds of each and the number that draws one. While a run goes on it writes
// by itself, and takes the newest model each time it begins anew; a prompt may be typed. Attributes: run, panel.

import { make } from "../chart-frame.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { drawOdds, likeliest, percent } from "../odds-bar.js";
import { Playing } from "../playing.js";
import { watchSight } from "../sight.js";
import { t } from "../text.js";
import { waiting } from "../waiting.js";

const TOKEN_MS = 450;
const SPECIAL = 2; // the first signs are those of padding and of the end

class WritingPlayer extends HTMLElement {
  #leave = () => {};
  #unsee = () => {};
  /** @type {any} */
  #frame = null;
  /** @type {any} a newer picture, shown when the writing begins anew */
  #next = null;
  #place = -1;
  #select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #typed = /** @type {HTMLInputElement} */ (make("input", "input mono"));
  #line = make("p", "mono writing-line");
  #bar = make("div", "odds-bar");
  #words = make("p", "small writing-words");
  #caption = make("p", "caption");
  #playing = new Playing(() => TOKEN_MS, () => this.#turn());

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#select.addEventListener("change", () => this.#begin(true));
    this.#typed.addEventListener("change", () => this.#type());
    this.#bar.setAttribute("role", "img");
    this.#unsee = watchSight(this, (is_seen) => (this.#playing.is_seen = is_seen));
    document.addEventListener("theme-change", this.#draw);
    this.#watch({});
  }

  disconnectedCallback() {
    this.#leave();
    this.#unsee();
    document.removeEventListener("theme-change", this.#draw);
    this.#playing.play(false);
  }

  /** @param {Record<string, string>} options */
  #watch(options) {
    this.#leave();
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "writing", options }, (frame) => this.#show(frame), this);
  }

  /** Write to the prompt that was typed; to the fixed ones where it is empty. */
  #type() {
    const { signs, longest } = this.#frame.meta;
    const [prompt, letters] = [this.#typed.value.trim(), signs.slice(SPECIAL).join("")];
    const foreign = [...new Set(prompt)].filter((letter) => !letters.includes(letter)).join(" ");
    const long = t("Has more than {count} characters: shorten it.", { count: longest });
    const refusal = foreign ? t("Holds {letters}, which the model has no token for. Its characters are {known}.", { letters: foreign, known: letters }) : prompt.length > longest ? long : "";
    this.#typed.setCustomValidity(refusal);
    if (!this.#typed.reportValidity()) return;
    this.#next = null;
    this.#watch(prompt ? { prompt } : {});
  }

  /** @param {any} frame */
  #show(frame) {
    if (!frame.meta?.count) return;
    const [is_first, is_same] = [!this.#frame, this.#frame?.meta.prompts.join() === frame.meta.prompts.join()];
    if (is_same && this.#playing.is_playing && frame.step > this.#frame.step) return void (this.#next = frame);
    [this.#frame, this.#next] = [frame, null];
    if (!is_same) this.#select.replaceChildren(...frame.meta.prompts.map((/** @type {string} */ prompt, /** @type {number} */ i) => new Option(prompt, String(i))));
    if (is_first) this.#furnish(frame.meta);
    this.#begin(is_first ? this.#isLive() && !matchMedia("(prefers-reduced-motion: reduce)").matches : this.#playing.is_playing);
  }

  /** @param {{longest: number}} meta */
  #furnish({ longest }) {
    const [chosen, own] = [make("label", "row small", t("Prompt")), make("label", "row small", t("or your own"))];
    chosen.append(this.#select);
    Object.assign(this.#typed, { type: "text", size: Math.max(longest, 1) + 2 });
    own.append(this.#typed);
    own.hidden = !longest;
    const bar = make("div", "row");
    bar.append(chosen, own);
    this.replaceChildren(bar, this.#playing.bar, this.#line, this.#bar, this.#words, this.#caption);
  }

  #isLive() {
    return /** @type {HTMLElement | null} */ (this.closest("run-page"))?.dataset.state === "running";
  }

  /** Show another picture or prompt: from its first token while it plays, else from where the writing stood. @param {boolean} is_playing */
  #begin(is_playing) {
    const [at, end] = [this.#playing.at, this.#tokens().length];
    this.#place = -1;
    this.#playing.begin(end, is_playing);
    if (!is_playing) this.#playing.seek(Math.min(at || end, end));
  }

  /** @returns {string[]} */
  #tokens() {
    return this.#frame.meta.tokens[Number(this.#select.value)] ?? [];
  }

  #turn() {
    const place = Math.floor(this.#playing.at);
    if (place === this.#place) return;
    const is_anew = place < this.#place;
    this.#place = place;
    if (is_anew && this.#next) {
      [this.#frame, this.#next] = [this.#next, null];
      return this.#begin(this.#playing.is_playing);
    }
    this.#draw();
    if (place >= this.#playing.end && !this.#isLive()) this.#playing.play(false);
  }

  #draw = () => {
    if (!this.#frame) return;
    const { meta, arrays, shapes, step } = this.#frame;
    const [row, tokens] = [Number(this.#select.value), this.#tokens()];
    const place = Math.min(Math.max(this.#place, 0), tokens.length);
    const here = Math.min(place, tokens.length - 1);
    const [, width, count] = shapes.odds;
    const at = row * width + here;
    const odds = [...arrays.odds.subarray(at * count, (at + 1) * count)];
    const [is_own, sign, draw] = [arrays.own[at] > 0, tokens[here], arrays.draws[at]];
    this.#line.replaceChildren(meta.prompts[row], make("b", "", tokens.slice(0, place).join("")), make("span", "", place === tokens.length ? "" : "▁"));
    drawOdds(this.#bar, odds, meta.signs, is_own ? { sign, number: draw } : null);
    const facts = { place: here + 1, count: tokens.length, sign, draw: draw.toFixed(3), share: percent(odds[meta.signs.indexOf(sign)]), named: likeliest(odds, meta.signs), entropy: number(entropyOf(odds), 3) };
    this.#bar.setAttribute("aria-label", is_own ? t("Odds of token {place}: {named}", facts) : t("Token {place} is said by the other side", facts));
    this.#playing.slider.setAttribute("aria-valuetext", t("{place} of {count} tokens written", { place, count: tokens.length }));
    const said = is_own
      ? t("Token {place} of {count}: the drawn number {draw} falls on “{sign}”, which has {share} of the bar; entropy {entropy} nats.", facts)
      : t("Token {place} of {count} is said by the other side: “{sign}”.", facts);
    const earned = place === tokens.length && meta.rewards[row]?.map((/** @type {number} */ one, /** @type {number} */ i) => `${meta.parts[i]} ${number(one, 3)}`).join(" · ");
    this.#words.textContent = earned ? `${said} ${t("Earned: {parts}.", { parts: earned })}` : said;
    this.#words.setAttribute("aria-live", this.#playing.is_playing ? "off" : "polite");
    this.#caption.textContent = t("step {step} · the drawn numbers are always the same: what changes is the bar", { step: steps(step) });
  };
}

/** @param {number[]} odds */
const entropyOf = (odds) => odds.reduce((sum, one) => sum - (one > 0 ? one * Math.log(one) : 0), 0);

customElements.define("writing-player", WritingPlayer);
