// @ts-check
// The completions of one prompt, what each earned, and the advantages that follow; rewards may be edited to see them move.
// Attributes: run, panel.

import { make } from "../chart-frame.js";
import { css, diverging, ink } from "../colors.js";
import { number, steps } from "../format.js";
import { watchFrames } from "../frames.js";
import { t } from "../text.js";
import { nothingYet, waiting } from "../waiting.js";

/** How an advantage follows from what is above the mean. @type {Record<string, (above: number, std: number, size: number) => number>} */
const RULES = { scaled: (above, std) => above / std, centred: (above) => above, others: (above, _std, size) => (above * size) / (size - 1) };
const SAME = 1e-6; // rewards nearer than this, of their size, are the same

class GroupAdvantages extends HTMLElement {
  #leave = () => {};
  /** @type {any} */
  #frame = null;
  #group = 0;
  #chosen = ""; // the prompt that a viewer chose
  /** @type {number[] | null} rewards that a viewer typed; null: those of the update */
  #typed = null;
  #select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #back = /** @type {HTMLButtonElement} */ (make("button", "button", t("As in the run")));
  #scroll = make("div", "table-scroll");
  #sums = make("p", "small");
  #caption = make("p", "caption");

  connectedCallback() {
    this.replaceChildren(waiting(this));
    this.#select.addEventListener("change", () => {
      this.#chosen = this.#frame.meta.prompts[Number(this.#select.value)];
      this.#choose(Number(this.#select.value));
    });
    Object.assign(this.#back, { type: "button", hidden: true });
    this.#back.dataset.size = "small";
    this.#back.addEventListener("click", () => this.#choose(this.#group));
    this.#sums.setAttribute("aria-live", "polite");
    this.#scroll.addEventListener("input", () => this.#type());
    document.addEventListener("theme-change", this.#paint);
    this.#leave = watchFrames({ run: Number(this.getAttribute("run")), panel: this.getAttribute("panel") ?? "groups" }, (frame) => this.#show(frame), this);
  }

  disconnectedCallback() {
    this.#leave();
    document.removeEventListener("theme-change", this.#paint);
  }

  /** @param {any} frame */
  #show(frame) {
    if (this.#typed) return; // what is being tried stays
    if (!frame.meta?.count) return void (this.#frame && this.replaceChildren(nothingYet()));
    this.#frame = frame;
    const { meta, step } = frame;
    const groups = meta.prompts.map((/** @type {string} */ prompt, /** @type {number} */ i) => ({ prompt, i, is_dead: !meanOf(this.#earned(i)).std }));
    groups.sort((/** @type {any} */ one, /** @type {any} */ other) => Number(one.is_dead) - Number(other.is_dead));
    this.#select.replaceChildren(...groups.map((/** @type {any} */ { prompt, i, is_dead }) => new Option(is_dead ? t("{prompt}, all the same", { prompt }) : prompt, String(i))));
    if (!this.#scroll.isConnected) {
      const label = make("label", "row small", t("Prompt"));
      label.append(this.#select);
      const bar = make("div", "row");
      bar.append(label, this.#back);
      this.replaceChildren(bar, this.#scroll, this.#sums, this.#caption);
    }
    const facts = { step: steps(step), dead: meta.dead, groups: meta.groups, count: meta.count };
    const said = [meta.rule ? t("step {step} · {dead} of {groups} groups earned all the same: they teach nothing · red is above 0, blue below", facts) : t("step {step} · {dead} of {groups} groups earned all the same; advantages do not come from the group here", facts)];
    if (meta.count < meta.groups) said.push(meta.rule ? t("{count} of {groups} groups shown, those that teach first", facts) : t("{count} of {groups} groups shown", facts));
    this.#caption.textContent = said.join(" · ");
    const again = meta.prompts.indexOf(this.#chosen);
    this.#choose(again < 0 ? groups[0].i : again);
  }

  /** @param {number} group */
  #choose(group) {
    this.#group = group;
    this.#typed = null;
    this.#select.value = String(group);
    const { meta } = this.#frame;
    const grid = make("table", "table");
    const head = make("tr");
    head.append(...[t("Completion"), t("Reward"), t("Advantage")].map((name, i) => Object.assign(make("th", i ? "number" : "", name), { scope: "col" })));
    const top = make("thead");
    top.append(head);
    const body = make("tbody");
    this.#rewards().forEach((reward, i) => body.append(this.#line(meta.texts[group][i], reward, i)));
    grid.append(top, body);
    this.#scroll.replaceChildren(grid);
    this.#paint();
  }

  /** @param {string} text @param {number} reward @param {number} place */
  #line(text, reward, place) {
    const line = make("tr");
    const cell = make("td", "number");
    if (!this.#frame.meta.rule) cell.textContent = number(reward, 3);
    else {
      const input = /** @type {HTMLInputElement} */ (make("input", "input group-reward"));
      Object.assign(input, { type: "number", step: "0.05", value: String(Number(reward.toFixed(4))) });
      input.setAttribute("aria-label", t("Reward of completion {place}", { place: place + 1 }));
      cell.append(input);
    }
    line.append(make("td", "mono text-cell", text), cell, make("td", "number group-advantage"));
    return line;
  }

  #type() {
    const typed = [...this.#scroll.querySelectorAll("input")].map((input) => Number(input.value));
    if (typed.some((one) => !Number.isFinite(one))) return;
    this.#typed = typed;
    this.#paint();
  }

  /** Rewards of the group: of the update, or as typed. */
  #rewards = () => this.#typed ?? this.#earned(this.#group);

  /** @param {number} group @returns {number[]} */
  #earned(group) {
    const size = this.#frame.shapes.rewards[1];
    return [...this.#frame.arrays.rewards.subarray(group * size, (group + 1) * size)];
  }

  #paint = () => {
    if (!this.#frame) return;
    const rewards = this.#rewards();
    const { mean, std } = meanOf(rewards);
    const { arrays, meta } = this.#frame;
    const own = [...arrays.advantages.subarray(this.#group * rewards.length, (this.#group + 1) * rewards.length)];
    const advantages = this.#typed ? rewards.map((one) => (std ? RULES[meta.rule](one - mean, std, rewards.length) : 0)) : own;
    const most = Math.max(...advantages.map(Math.abs)) || 1;
    [...this.#scroll.querySelectorAll(".group-advantage")].forEach((cell, i) => {
      const color = diverging(advantages[i] / most);
      cell.textContent = number(advantages[i], 3);
      Object.assign(/** @type {HTMLElement} */ (cell).style, { backgroundColor: css(color), color: ink(color) });
    });
    const facts = { mean: number(mean, 4), std: number(std, 4) };
    this.#sums.textContent = !meta.rule ? "" : std ? t("mean {mean} · deviation {std}", facts) : t("mean {mean} · all earned the same: every advantage is 0", facts);
    this.#back.hidden = !this.#typed;
  };
}

/** Mean and deviation of rewards; 0 is the deviation of those that are all the same. @param {number[]} rewards */
function meanOf(rewards) {
  const mean = rewards.reduce((sum, one) => sum + one, 0) / rewards.length;
  const is_dead = Math.max(...rewards) - Math.min(...rewards) <= SAME * (1 + Math.abs(mean));
  return { mean, std: is_dead ? 0 : Math.sqrt(rewards.reduce((sum, one) => sum + (one - mean) ** 2, 0) / rewards.length) };
}

customElements.define("group-advantages", GroupAdvantages);
