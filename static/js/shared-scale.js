// @ts-check
// One scale of colours for several maps: around maps inside an element with data-scale="shared", the range of all of them.

/** @typedef {[number, number]} Range */
/** @typedef {{layer: string, own: Range, again: () => void}} Member */

/** @type {WeakMap<Element, Map<Element, Member>>} */
const groups = new WeakMap();

/**
 * The range a map is drawn in: its own, or that of every map around it that shows the same layer.
 * @param {HTMLElement} map @param {string} layer @param {Range} own @param {() => void} again draws it again, when another map has widened or narrowed the range
 * @returns {Range}
 */
export function scaleFor(map, layer, own, again) {
  const host = /** @type {HTMLElement | null} */ (map.closest("[data-scale]"));
  if (!host) return own;
  const members = groups.get(host) ?? new Map();
  groups.set(host, members);
  const before = widest(members, layer);
  members.set(map, { layer, own, again });
  const now = widest(members, layer);
  if (host.dataset.scale !== "shared") return own;
  if (`${before}` !== `${now}`) for (const [other, member] of members) if (other !== map && other.isConnected && member.layer === layer) member.again();
  return now;
}

/** Turn the shared scale of an element on or off. @param {HTMLElement} host @param {boolean} is_shared */
export function shareScale(host, is_shared) {
  host.dataset.scale = is_shared ? "shared" : "own";
  for (const { again } of groups.get(host)?.values() ?? []) again();
}

/** @param {Map<Element, Member>} members @param {string} layer @returns {Range} */
function widest(members, layer) {
  const ranges = [...members.values()].filter((member) => member.layer === layer).map(({ own }) => own);
  return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
}
