// @ts-check
// Pure arithmetic on curves: smoothing, other x axes, ranges.

/** Widths of the smoothing, in points; the first is none. */
export const WINDOWS = [1, 3, 8, 20, 50, 120];

/** A width that leaves few points as they are: at most a fortieth of them. @param {number} window @param {number} count */
export const widthFor = (window, count) => Math.min(window, Math.max(1, Math.floor(count / 40)));

/**
 * Exponential mean with a start that is not biased to zero; gaps stay gaps.
 * @param {(number | null)[]} values @param {number} window
 */
export function smooth(values, window) {
  if (window <= 1) return values;
  const keep = 1 - 2 / (window + 1);
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    sum = keep * sum + value;
    weight = keep * weight + 1;
    return sum / weight;
  });
}

/**
 * Read x positions off another scalar by linear interpolation.
 * @param {number[]} steps @param {{steps: number[], values: (number | null)[]}} scale
 */
export function along(steps, scale) {
  let at = 0;
  const { steps: known, values } = scale;
  if (!known.length) return [];
  return steps.map((step) => {
    while (at < known.length - 1 && known[at + 1] <= step) at++;
    const next = Math.min(at + 1, known.length - 1);
    const span = known[next] - known[at];
    const share = span > 0 ? Math.min(Math.max((step - known[at]) / span, 0), 1) : 0;
    return (values[at] ?? 0) + ((values[next] ?? 0) - (values[at] ?? 0)) * share;
  });
}

/** Smallest and largest finite numbers. @param {Iterable<number | null | undefined>} values @returns {[number, number] | null} */
export function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/**
 * The two numbers that every raw point is one of, or null where there are others: a band between them says nothing.
 * @param {{min: (number | null)[], max: (number | null)[]}} raw @returns {[number, number] | null}
 */
export function twoOf({ min, max }) {
  const found = extent([...min, ...max]);
  if (!found || found[0] === found[1]) return null;
  const is_one = (/** @type {number | null} */ value) => value === null || value === found[0] || value === found[1];
  return min.every(is_one) && max.every(is_one) ? found : null;
}

/**
 * Points of one step as one, with their mean and their band: episodes that were waited for together, or that ended at once.
 * @template {{steps: number[], values: (number|null)[], min: (number|null)[], max: (number|null)[]}} T @param {T} curve @returns {T}
 */
export function together(curve) {
  const { steps } = curve;
  const firsts = steps.flatMap((step, i) => (i && step === steps[i - 1] ? [] : [i]));
  if (firsts.length === steps.length) return curve;
  const of = (/** @type {(number|null)[]} */ list, /** @type {(known: number[]) => number} */ one) =>
    firsts.map((first, i) => {
      const known = list.slice(first, firsts[i + 1]).filter((value) => value !== null);
      return known.length ? one(known) : null;
    });
  const mean = (/** @type {number[]} */ known) => known.reduce((sum, value) => sum + value, 0) / known.length;
  const [values, min, max] = [of(curve.values, mean), of(curve.min, (known) => Math.min(...known)), of(curve.max, (known) => Math.max(...known))];
  return { ...curve, steps: firsts.map((i) => steps[i]), values, min, max };
}

/** Join several (x, y) curves on one rising x axis; where a curve has no point there is a gap. @param {{x: number[], y: (number | null)[]}[]} curves */
export function joined(curves) {
  const x = [...new Set(curves.flatMap((curve) => curve.x))].sort((a, b) => a - b);
  const place = new Map(x.map((value, index) => [value, index]));
  const ys = curves.map((curve) => {
    /** @type {(number | null | undefined)[]} */
    const y = new Array(x.length).fill(undefined);
    curve.x.forEach((value, index) => (y[place.get(value) ?? 0] = curve.y[index]));
    return y;
  });
  return { x, ys };
}

/**
 * @typedef {{steps: number[], values: (number|null)[], min: (number|null)[], max: (number|null)[], next: number, each: number,
 *   open: number}} Curve `each` is how many points a bucket holds, `open` how many the last one has got from the stream.
 */

/**
 * Add points of the stream to a curve, in buckets as large as those it was read in, so that its end looks like the rest.
 * @param {Curve} curve @param {any} fresh @param {number} skip points that are known already
 */
export function extend(curve, fresh, skip) {
  const { steps, values, min, max } = curve;
  for (let i = skip; i < fresh.steps.length; i++) {
    const value = fresh.values[i];
    const [low, high] = [fresh.min?.[i] ?? value, fresh.max?.[i] ?? value];
    const last = steps.length - 1;
    const mean = values[last];
    if (curve.open > 0 && curve.open < Math.round(curve.each) && value !== null && mean !== null) {
      values[last] = mean + (value - mean) / ++curve.open;
      min[last] = Math.min(min[last] ?? low, low);
      max[last] = Math.max(max[last] ?? high, high);
    } else {
      steps.push(fresh.steps[i]);
      values.push(value);
      min.push(low);
      max.push(high);
      curve.open = 1;
    }
  }
}
