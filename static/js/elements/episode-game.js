// @ts-check
// A person plays an episode that the agent played: same world, same start, same chance. Attributes: run, number, scene.

import { json } from "../api.js";
import { make } from "../chart-frame.js";
import { number } from "../format.js";
import { Game, begin, outcome, sofar } from "../game.js";
import { Hands } from "../hands.js";
import { press, rowOf, sceneOf, stepMs } from "../player-parts.js";
import { Reel } from "../reel.js";
import { t } from "../text.js";

const TURN_MS = 200; // a world whose steps are shown longer than this waits for each key
const SPEEDS = [1, 0.5, 0.25];

class EpisodeGame extends HTMLElement {
  #reel = new Reel();
  /** @type {Game | null} */
  #game = null;
  /** @type {Hands | null} */
  #hands = null;
  /** @type {any} the agent's episode */
  #agent = null;
  #clock = 0;
  #speed = /** @type {HTMLSelectElement} */ (make("select", "input"));
  #head = make("p", "small", t("Getting the world ready…"));
  #hint = make("p", "small muted");
  #result = make("p", "readout");
  #field = make("div", "game-field");
  #keys = make("div");
  #again = press(t("Start over"), () => this.#begin());
  #close = press(t("Close"), () => this.#leave());

  connectedCallback() {
    this.#field.tabIndex = 0;
    this.#field.setAttribute("role", "group");
    this.#field.setAttribute("aria-label", t("Your game; its keys work while it has the focus"));
    this.#field.append(this.#reel.figure);
    this.#result.setAttribute("aria-live", "polite");
    this.#speed.setAttribute("aria-label", t("Speed of the game"));
    this.#speed.dataset.size = "small";
    for (const speed of SPEEDS) this.#speed.add(new Option(speed === 1 ? t("real time") : t("{n} of real time", { n: speed === 0.5 ? "½" : "¼" }), String(speed)));
    this.#speed.value = "0.5";
    this.#speed.hidden = true;
    this.replaceChildren(this.#head, this.#field, this.#keys, rowOf(this.#again, this.#speed, this.#close), this.#hint, this.#result);
    this.addEventListener("keydown", (event) => this.#key(event, true));
    this.addEventListener("keyup", (event) => this.#key(event, false));
    this.addEventListener("focusout", (event) => this.contains(/** @type {Node | null} */ (event.relatedTarget)) || this.#rest());
    this.#begin();
  }

  disconnectedCallback() {
    this.#rest();
    this.#game?.end();
    this.#reel.close();
  }

  async #begin() {
    this.#rest();
    this.#game?.end();
    const [run, episode] = [Number(this.getAttribute("run")), Number(this.getAttribute("number"))];
    try {
      this.#agent ??= await json(`/runs/${run}/episodes/${episode}`);
      const made = await begin(run, episode);
      if (this.isConnected) this.#show(made);
    } catch (error) {
      this.#head.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** @param {any} made */
  #show(made) {
    this.#game = new Game(made.id, (reached) => this.#reached(reached), (why) => this.#fail(why));
    this.#reel.show({ ...made, states: [...made.states] }, sceneOf(this.getAttribute("scene")), t("Your turn"));
    this.#hands = new Hands(made, () => this.#pressed());
    this.#keys.replaceChildren(this.#hands.buttons);
    const is_timed = this.#is_timed;
    this.#speed.hidden = !is_timed;
    const facts = { value: number(this.#agent.return), length: number(this.#agent.length) };
    this.#head.textContent = t("Same world, same start, same chance as the agent's episode: return {value} in {length} steps.", facts);
    const idle = made.idle !== null || made.rest ? t("nothing is held: nothing is done") : t("the last key holds until the next");
    this.#hint.textContent = is_timed ? t("It begins with the first key and waits when you click elsewhere; {idle}.", { idle }) : t("Each key is one step.");
    this.#result.textContent = "";
    this.#field.focus({ preventScroll: true });
  }

  get #is_timed() {
    return stepMs(this.#reel.scene) < TURN_MS;
  }

  /** @param {KeyboardEvent} event @param {boolean} is_down */
  #key(event, is_down) {
    if (is_down && event.key === "Escape") return this.#leave();
    if (/** @type {Element} */ (event.target).matches("select")) return;
    if (is_down && event.repeat && this.#is_timed) return event.preventDefault();
    if (this.#hands?.key(event, is_down)) event.preventDefault();
  }

  #pressed() {
    if (!this.#is_timed) return this.#game?.step(this.#hands?.action ?? 0);
    if (!this.#clock && this.#game && !this.#game.is_over) this.#tick();
  }

  #tick = () => {
    const action = this.#hands?.action ?? null;
    if (action !== null) this.#game?.step(action);
    this.#clock = this.#game?.is_over ? 0 : setTimeout(this.#tick, stepMs(this.#reel.scene) / Number(this.#speed.value));
  };

  #rest() {
    clearTimeout(this.#clock);
    this.#clock = 0;
    this.#hands?.release();
  }

  /** @param {import("../game.js").Reached} reached */
  #reached(reached) {
    for (const state of reached.states) this.#reel.states.push(state);
    this.#reel.seek(this.#reel.states.length - 1);
    this.#reel.say(sofar(reached));
    if (!reached.terminated && !reached.truncated) return;
    this.#rest();
    this.#result.textContent = outcome(reached, this.#agent);
  }

  /** @param {string} why */
  #fail(why) {
    this.#rest();
    this.#result.textContent = why;
  }

  #leave() {
    this.dispatchEvent(new CustomEvent("game-end", { bubbles: true }));
    this.remove();
  }
}

customElements.define("episode-game", EpisodeGame);
