// @ts-check
// Numbers as people read them: a true minus, thin spaces between thousands, few digits.

const THIN = "\u202f";

/** @param {number | null | undefined} value @param {number} [digits] */
export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return grouped(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e9) return value.toExponential(2).replace("e+", "e").replace(/-/g, "−");
  const text = String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, "−");
}

/** @param {number} value */
export function steps(value) {
  for (const [limit, letter] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"]])) {
    if (Math.abs(value) >= limit) return `${number(value / limit)}${THIN}${letter}`;
  }
  return number(Math.round(value));
}

/** Short labels of an axis: 20k, 1.5M. @param {number} value */
export function tick(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${number(value / 1e9, 3)}G`;
  if (size >= 1e6) return `${number(value / 1e6, 3)}M`;
  if (size >= 1e4) return `${number(value / 1e3, 3)}k`;
  if (size > 0 && size < 1e-3) return value.toExponential(0).replace("-", "−").replace("e−", "e−");
  return number(value, 3);
}

/** @param {number} value */
function grouped(value) {
  const text = String(Math.abs(value)).replace(/\B(?=(\d{3})+$)/g, THIN);
  return value < 0 ? `−${text}` : text;
}
