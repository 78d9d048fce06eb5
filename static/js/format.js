// @ts-check
// Numbers as people read them: a true minus, thin spaces between thousands, few digits.

const THIN = "\u202f";
const MOST_DIGITS = 12;

/** @param {number | null | undefined} value @param {number} [digits] */
export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e10) return grouped(value);
  if (size < 1e-3 || size >= 1e9) return scientific(value, 2);
  return grouped(Number(value.toPrecision(digits)));
}

/** @param {number} value */
export function steps(value) {
  for (const [limit, letter] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"]])) {
    if (Math.abs(value) >= limit) return `${number(value / limit)}${THIN}${letter}`;
  }
  return number(Math.round(value));
}

/** Short labels of an axis: 20k, 1.5M. @param {number} value @param {number} [digits] */
export function tick(value, digits = 3) {
  const size = Math.abs(value);
  if (size >= 1e12) return scientific(value, digits - 2);
  if (size >= 1e9) return `${number(value / 1e9, digits)}G`;
  if (size >= 1e6) return `${number(value / 1e6, digits)}M`;
  if (size >= 1e4) return `${number(value / 1e3, digits)}k`;
  if (size > 0 && size < 1e-3) return scientific(value, digits - 3);
  return number(value, digits);
}

/** Labels of the places of an axis, with as many digits as it takes to tell them apart. @param {(number | null)[]} places @param {number} [digits] at least */
export function ticks(places, digits = 3) {
  const labels = places.map((place) => (place === null ? "" : tick(place, digits)));
  const is_clear = new Set(labels).size === new Set(places).size;
  return is_clear || digits >= MOST_DIGITS ? labels : ticks(places, digits + 1);
}

/** Digits with which labels between two ends can be told apart. @param {number} low @param {number} high */
export function digitsBetween(low, high) {
  const shares = Math.max(Math.abs(low), Math.abs(high)) / Math.abs(high - low);
  return Number.isFinite(shares) && shares > 0 ? Math.min(8, Math.max(3, Math.ceil(Math.log10(shares)) + 2)) : 3;
}

/** 4e−4. @param {number} value @param {number} digits */
const scientific = (value, digits) => value.toExponential(digits).replace(/\.?0*e\+?/, "e").replace(/-/g, "−");

/** @param {number} value */
function grouped(value) {
  const [whole, part] = String(Math.abs(value)).split(".");
  const text = [whole.replace(/\B(?=(\d{3})+$)/g, THIN), ...(part ? [part] : [])].join(".");
  return value < 0 ? `−${text}` : text;
}
