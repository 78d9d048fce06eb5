// @ts-check
// Pure arithmetic on curves: smoothing, other x axes, ranges.

/** Widths of the smoothing, in points; the first is none. */
export const WINDOWS = [1, 3, 8, 20, 50, 120];

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
