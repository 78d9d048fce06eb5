// @ts-check
// Generalized advantage estimates as sums of one-step errors: pure arithmetic.

/** The distances whose shares are told apart: the error itself, the next, the three after, all later. */
export const REACHES = [1, 2, 5, Infinity];

/**
 * The advantage of every step, and how much of it comes from errors up to which distance.
 * @param {ArrayLike<number>} deltas @param {ArrayLike<number>} ended not 0 where an episode ended
 * @param {number} factor γλ @returns {{advantages: number[], shares: number[][]}} shares: one row a reach
 */
export function stacked(deltas, ended, factor) {
  const count = deltas.length;
  const advantages = new Array(count).fill(0);
  const shares = REACHES.map(() => new Array(count).fill(0));
  for (let t = 0; t < count; t++) {
    for (const { value, distance } of termsOf(deltas, ended, { factor, from: t })) {
      shares[REACHES.findIndex((reach) => distance < reach)][t] += value;
    }
  }
  let running = 0;
  for (let t = count - 1; t >= 0; t--) advantages[t] = running = deltas[t] + factor * (ended[t] ? 0 : running);
  return { advantages, shares };
}

/**
 * What each error adds to the advantage of one step.
 * @param {ArrayLike<number>} deltas @param {ArrayLike<number>} ended @param {{factor: number, from: number}} of
 */
export function termsOf(deltas, ended, { factor, from }) {
  const terms = [];
  let weight = 1;
  for (let t = from; t < deltas.length; t++) {
    terms.push({ step: t, distance: t - from, weight, value: weight * deltas[t] });
    weight *= factor;
    if (ended[t] || Math.abs(weight) < 1e-9) break;
  }
  return terms;
}

/**
 * Stack columns of shares away from 0, the positive ones up and the negative ones down.
 * @param {number[][]} shares @returns {{low: number[], high: number[]}[]}
 */
export function layersOf(shares) {
  const [up, down] = [0, 1].map(() => new Array(shares[0].length).fill(0));
  return shares.map((row) => {
    const [low, high] = [0, 1].map(() => new Array(row.length).fill(0));
    row.forEach((value, t) => {
      const stack = value < 0 ? down : up;
      low[t] = stack[t];
      high[t] = stack[t] += value;
    });
    return { low, high };
  });
}
