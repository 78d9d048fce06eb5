// @ts-check
// The agent itself: what it is doing now, and replays of evaluation episodes. Attributes: run, panel, scene.

import { json } from "../api.js";
import { Surface } from "../canvas.js";
import { make } from "../chart-frame.js";
import { steps } from "../format.js";
import { momentOf } from "../moment.js";
import { LIVE, choices, drawMoment, furnish, heightOf, nearest, openGame, press, replayed, rowOf, sceneOf, stepMs } from "../player-parts.js";
import { Playing } from "../playing.js";
import { Screen } from "../screen.js";
import { watchSight } from "../sight.js";
import { subscribe } from "../stream.js";
import { t } from "../text.js";

const [REST_MS, NEWS_MS] = [100, 1500];

class AgentPlayer extends HTMLElement {
  /** @type {import("../scenes.js").Scene | null} */
  #scene = null;
  /** @type {number[][]} */
  #states = [];
  #chosen = LIVE;
  /** @type {string | null} what was chosen before the moment went to the past */
  #before = null;
  /** @type {any[]} */
  #episodes = [];
  #is_by_hand = false;
  #rest = 0;
  /** @type {(() => void)[]} */
  #leave = [];
  /** @type {Surface | null} */
  #surface = null;
  #canvas = /** @type {HTMLCanvasElement} */ (make("canvas", "map-canvas"));
  #select = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #words = make("p", "readout");
  #screen = new Screen(() => this.#surface?.soon(), (why) => this.#filmed(false, why));
  #play = press(t("Play this episode yourself"), () => this.#game());
  #draw = press(t("As its simulator draws it"), () => this.#filmed(this.#draw.ariaPressed !== "true"));
  #playing = new Playing(() => stepMs(this.#scene), () => this.#surface?.soon());

  connectedCallback() {
    this.replaceChildren(this.#select, furnish(this.#canvas, this.#select), this.#playing.bar, this.#words, rowOf(this.#play, this.#draw));
    this.#select.addEventListener("change", () => this.#choose(this.#select.value, true));
    this.addEventListener("game-end", () => this.#play.focus());
    this.#surface = new Surface(this.#canvas, (ctx, w, h) => this.#paint(ctx, w, h), (width) => heightOf(this.#scene, width));
    this.#playing.is_there = (at) => this.#screen.is_there(at);
    this.#scene = sceneOf(this.getAttribute("scene"));
    this.#draw.hidden = !this.#scene?.has_film;
    this.#draw.setAttribute("aria-pressed", String(this.#scene?.drawing === "numbers"));
    const [{ run }, panel] = [this, this.getAttribute("panel") ?? "agent"];
    const leave = subscribe({ runs: [run], panels: [{ run, panel, options: {} }] }, (_id, delta) => this.#news(delta));
    this.#leave = [leave, () => void this.#screen.show("", 0), watchSight(this, (is_seen) => (this.#playing.is_seen = is_seen)), () => clearTimeout(this.#rest), () => this.#surface?.close(), momentOf(run).watch(() => this.#travel())];
    this.#list();
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
    this.#playing.play(false);
  }

  /** @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} h */
  #paint(ctx, w, h) {
    const is_live = this.#chosen === LIVE;
    const at = is_live ? this.#states.length - 1 : this.#playing.at;
    if (!this.#screen.paint(ctx, w, h, at) && this.#scene) drawMoment(ctx, { w, h }, this.#scene, { states: this.#states, at, has_trail: !is_live });
  }

  get run() {
    return Number(this.getAttribute("run"));
  }

  /** @param {import("../stream.js").Delta} delta */
  #news(delta) {
    if (delta.episodes || delta.refetch) this.#list();
    if (this.#chosen !== LIVE || !delta.agent?.states?.length) return;
    this.#states = [...this.#states.slice(-1), ...delta.agent.states];
    this.#words.textContent = t("live, step {step}", { step: steps(delta.agent.step) });
    this.#surface?.soon();
  }

  async #list() {
    const { items } = await json(`/runs/${this.run}/episodes`).catch(() => ({ items: [] }));
    const isNew = items.length && items.at(-1).number !== Number(this.#select.options[1]?.value);
    if (!items.length || (!isNew && this.#episodes.length === items.length)) return;
    this.#episodes = items;
    this.#select.replaceChildren(...choices(items));
    this.#select.value = this.#chosen;
    const is_over = this.closest("[data-state]")?.getAttribute("data-state") !== "running";
    if (momentOf(this.run).at !== null) this.#travel();
    else if (!this.#is_by_hand && (is_over || !this.#states.length)) this.#choose(String(nearest(items).number), false);
    else if (!this.#is_by_hand && this.#chosen !== LIVE) this.#later(String(nearest(items).number), NEWS_MS);
  }

  /** Go to the replay of the moment that is shown; it is said at once, and read and played when the moment rests. */
  #travel() {
    const { at } = momentOf(this.run);
    clearTimeout(this.#rest);
    if (at === null) {
      if (this.#before !== null) this.#choose(this.#before, false);
      return void (this.#before = null);
    }
    this.#before ??= this.#chosen;
    const then = nearest(this.#episodes, at);
    if (!then) return void (this.#words.textContent = t("no replay was kept"));
    [this.#words.textContent, this.#select.value] = [replayed(then, at), String(then.number)];
    if (this.#select.value !== this.#chosen) this.#later(String(then.number), REST_MS);
  }

  /** @param {string} value @param {number} wait_ms */
  #later(value, wait_ms) {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#choose(value, false), wait_ms);
  }

  /** @param {string} value @param {boolean} is_by_hand */
  async #choose(value, is_by_hand) {
    clearTimeout(this.#rest);
    this.#chosen = this.#select.value = value;
    this.#is_by_hand = is_by_hand || this.#is_by_hand;
    this.#playing.begin(0, false);
    this.#screen.show("", 0);
    this.#play.disabled = this.#draw.disabled = value === LIVE;
    if (value === LIVE) return;
    const episode = await json(`/runs/${this.run}/episodes/${value}`).catch(() => null);
    if (!episode || this.#select.value !== value) return;
    this.#states = episode.states;
    this.#scene = { ...this.#scene, drawing: episode.drawing, ...episode.layout }; // the world as it was then
    this.#words.textContent = replayed(episode, is_by_hand ? null : momentOf(this.run).at);
    this.#canvas.setAttribute("aria-label", this.#words.textContent);
    this.#filmed(this.#draw.ariaPressed === "true");
    this.#playing.begin(this.#states.length - 1, is_by_hand || !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  /** Show the simulator's pictures of the chosen episode, or the browser's. @param {boolean} is_filmed @param {string} [why] not */
  #filmed(is_filmed, why = "") {
    this.#draw.setAttribute("aria-pressed", String(is_filmed));
    this.#screen.show(is_filmed ? `/runs/${this.run}/episodes/${this.#chosen}/images` : "", this.#states.length);
    if (why) this.#words.textContent = why;
  }

  /** Begin a game from the start of the chosen episode; the replay rests meanwhile. */
  #game() {
    this.#playing.play(false);
    openGame(this, { run: String(this.run), number: this.#chosen, scene: JSON.stringify(this.#scene) });
  }
}

customElements.define("agent-player", AgentPlayer);
