// @ts-check
// The odds of every token side by side in a bar of length 1, and a needle where a drawn number falls.

import { make } from "./chart-frame.js";
import { css, ink, sequential } from "./colors.js";

const NAMED = 0.04; // shares below this have no room for their sign
const LIKELY = 5; // tokens that are named in words

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}\u00a0%`;

/** The likeliest tokens in words. @param {number[]} odds @param {string[]} signs */
export function likeliest(odds, signs) {
  const sorted = odds.map((share, i) => ({ share, sign: signs[i] })).sort((a, b) => b.share - a.share);
  return sorted.slice(0, LIKELY).map(({ share, sign }) => `${sign} ${percent(share)}`).join(", ");
}

/**
 * Draw the bar anew.
 * @param {HTMLElement} bar @param {number[]} odds of all tokens @param {string[]} signs their signs
 * @param {{sign: string, number: number} | null} drawn what was drawn; null where somebody else spoke
 */
export function drawOdds(bar, odds, signs, drawn) {
  const parts = odds.map((share, i) => {
    const is_drawn = signs[i] === drawn?.sign;
    const part = make("span", "odds", share >= NAMED || is_drawn ? signs[i] : "");
    const color = sequential(share);
    Object.assign(part.style, { flexGrow: String(share), backgroundColor: css(color), color: ink(color) });
    part.title = `${signs[i]} ${percent(share)}`;
    part.toggleAttribute("data-drawn", is_drawn);
    return part;
  });
  const needle = make("i", "odds-needle");
  needle.style.insetInlineStart = `${100 * (drawn?.number ?? 0)}%`;
  needle.hidden = !drawn;
  bar.toggleAttribute("data-others", !drawn); // what the model would have said counts for nothing there
  bar.replaceChildren(...parts, needle);
}
