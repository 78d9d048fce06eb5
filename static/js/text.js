// @ts-check
/**
 * The one function every word a user sees passes through; `{name}` is filled from `values`.
 * @param {string} text
 * @param {Record<string, unknown>} [values]
 */
export function t(text, values) {
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)) : text;
}
