// @ts-check
// Whether an element is in the window, or nearly.

const NEAR = "150px";
/** @type {WeakMap<Element, Set<(is_seen: boolean) => void>>} */
const watchers = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) for (const told of watchers.get(target) ?? []) told(isIntersecting);
  },
  { rootMargin: NEAR },
);

/** Hear whether an element can be seen until the returned function is called. @param {Element} element @param {(is_seen: boolean) => void} told */
export function watchSight(element, told) {
  const known = watchers.get(element) ?? new Set();
  watchers.set(element, known.add(told));
  observer.unobserve(element);
  observer.observe(element); // everyone new is told where it is now
  return () => {
    known.delete(told);
    if (!known.size) observer.unobserve(element);
  };
}
