// @ts-check
// Reading the REST interface, and asking it to act.

import { t } from "./text.js";

/** @param {string} path @param {string} [accept] */
async function ask(path, accept = "application/json") {
  const answer = await fetch(`/api/v1${path}`, { headers: { Accept: accept }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(await reason(answer));
  return answer;
}

/** Why the server refused. @param {Response} answer @returns {Promise<string>} */
const reason = async (answer) => (await answer.json().catch(() => null))?.detail ?? String(answer.status);

/** @param {string} path @returns {Promise<any>} */
export async function json(path) {
  return (await ask(path)).json();
}

/** Ask for something to be done; returns why not, or nothing. @param {string} path @param {object} body @returns {Promise<string>} */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" }).catch(() => null);
  if (!answer) return t("The server did not answer. Is it still running?");
  return answer.ok ? "" : reason(answer);
}

/** @typedef {{panel: string, step: number, meta: any, arrays: Record<string, Float32Array>, shapes: Record<string, number[]>}} Picture */

/** A picture: its facts and its float32 arrays. @param {string} path */
export async function frame(path) {
  return pictureIn(await bytes(path), 0);
}

/** Several pictures, each after its length as u32. @param {string} path */
export async function frames(path) {
  const buffer = await bytes(path);
  const view = new DataView(buffer);
  const found = [];
  for (let at = 0; at < buffer.byteLength; at += 4 + view.getUint32(at, true)) found.push(pictureIn(buffer, at + 4));
  return found;
}

/** @param {string} path */
const bytes = async (path) => (await ask(path, "application/octet-stream")).arrayBuffer();

/** Read a picture (see the API page: u32 length, JSON header, little-endian body). @param {ArrayBuffer} buffer @param {number} from @returns {Picture} */
function pictureIn(buffer, from) {
  const length = new DataView(buffer).getUint32(from, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, from + 4, length)));
  /** @type {Record<string, Float32Array>} */
  const arrays = {};
  /** @type {Record<string, number[]>} */
  const shapes = {};
  let offset = from + 4 + length;
  for (const { name, shape } of header.arrays) {
    const count = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    arrays[name] = new Float32Array(buffer, offset, count);
    shapes[name] = shape;
    offset += count * 4;
  }
  return { panel: header.panel, step: header.step, meta: header.meta, arrays, shapes };
}
