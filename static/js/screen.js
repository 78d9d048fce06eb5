// @ts-check
// Where an episode can be shown as its simulator draws it; the module that fetches pictures is loaded when one is wanted.

import { asset } from "./loader.js";

export class Screen {
  /** @type {typeof import("./film.js") | null} */
  #cinema = null;
  /** @type {import("./film.js").Film | null} */
  #film = null;
  #path = "";

  /** @param {() => void} arrived called when there is something new to paint @param {(why: string) => void} failed */
  constructor(arrived, failed) {
    this.arrived = arrived;
    this.failed = failed;
  }

  /** Show the pictures of an episode, or none. @param {string} path where they are; empty: none @param {number} count */
  async show(path, count) {
    this.#film?.close();
    [this.#film, this.#path] = [null, path];
    this.arrived();
    if (!path) return;
    this.#cinema ??= /** @type {typeof import("./film.js")} */ (await import(asset("js/film.js")));
    if (path === this.#path) this.#film = new this.#cinema.Film(path, count, this.arrived, this.failed);
    this.arrived();
  }

  /** Whether what is to be shown at a moment is there. @param {number} at */
  is_there(at) {
    return !this.#film || this.#film.picture(at) !== null;
  }

  /** Paint the picture of a moment; returns whether there was one. @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} h @param {number} at */
  paint(ctx, w, h, at) {
    const picture = this.#film?.picture(at) ?? null;
    if (picture) this.#cinema?.project(ctx, w, h, picture);
    else if (this.#film) this.#cinema?.announce(ctx);
    return picture !== null;
  }
}
