// @ts-check
// An episode as its simulator draws it: pictures are fetched a stretch at a time and decoded shortly before they are shown.

import { token } from "./colors.js";
import { t } from "./text.js";

const STRETCH = 32;
const MOST_DECODED = 48;
const AHEAD = 6;

export class Film {
  /** @type {Map<number, Blob>} */
  #kept = new Map();
  /** @type {Map<number, ImageBitmap | null>} null: on its way */
  #decoded = new Map();
  #asked = new Set();
  #is_closed = false;

  /** @param {string} path of the pictures @param {number} count how many there are @param {() => void} arrived @param {(why: string) => void} failed */
  constructor(path, count, arrived, failed) {
    this.path = path;
    this.count = count;
    this.arrived = arrived;
    this.failed = failed;
  }

  /** The picture of a moment, or nothing while it is on its way. @param {number} at */
  picture(at) {
    const index = Math.max(0, Math.min(Math.floor(at), this.count - 1));
    this.#fetch(index);
    this.#fetch(Math.min(index + STRETCH, this.count - 1));
    for (let i = index; i < Math.min(index + AHEAD, this.count); i++) this.#decode(i);
    return this.#decoded.get(index) ?? null;
  }

  close() {
    this.#is_closed = true;
    for (const bitmap of this.#decoded.values()) bitmap?.close();
    this.#decoded.clear();
  }

  /** @param {number} index */
  async #fetch(index) {
    const first = index - (index % STRETCH);
    if (this.#asked.has(first)) return;
    this.#asked.add(first);
    const end = Math.min(first + STRETCH, this.count);
    for (let next = first; next < end && !this.#is_closed; ) next += (await this.#read(next, end - next)) || end;
  }

  /** Read some pictures and return how many came. @param {number} first @param {number} count */
  async #read(first, count) {
    const answer = await fetch(`/api/v1${this.path}?first=${first}&count=${count}`, { headers: { Accept: "application/octet-stream" } }).catch(() => null);
    if (!answer?.ok) {
      if (!this.#is_closed) this.failed((await answer?.json().catch(() => null))?.detail ?? "");
      return 0;
    }
    const buffer = await answer.arrayBuffer();
    const view = new DataView(buffer);
    let i = 0;
    for (let at = 0; at < buffer.byteLength; i++) {
      const size = view.getUint32(at, true);
      this.#kept.set(first + i, new Blob([buffer.slice(at + 4, at + 4 + size)], { type: "image/webp" }));
      at += 4 + size;
    }
    this.arrived();
    return i;
  }

  /** @param {number} index */
  async #decode(index) {
    const blob = this.#kept.get(index);
    if (!blob || this.#decoded.has(index)) return;
    this.#decoded.set(index, null);
    this.#decoded.set(index, await createImageBitmap(blob));
    for (const old of this.#decoded.keys()) {
      if (this.#decoded.size <= MOST_DECODED) break;
      this.#decoded.get(old)?.close();
      this.#decoded.delete(old);
    }
    this.arrived();
  }
}

/** Say that the picture is on its way. @param {CanvasRenderingContext2D} ctx */
export function announce(ctx) {
  ctx.fillStyle = token("--muted");
  ctx.font = "11px system-ui, sans-serif";
  [ctx.textAlign, ctx.textBaseline] = ["left", "top"];
  ctx.fillText(t("its simulator is drawing…"), 8, 6);
}

/** Draw a picture as large as fits. @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} h @param {ImageBitmap} picture */
export function project(ctx, w, h, picture) {
  const scale = Math.min(w / picture.width, h / picture.height);
  const [wide, high] = [picture.width * scale, picture.height * scale];
  ctx.drawImage(picture, (w - wide) / 2, (h - high) / 2, wide, high);
}
