// @ts-check
// Finds assets by name, and loads a custom element's module when the page first holds one: elements/<tag>.js.

const base = /** @type {HTMLMetaElement | null} */ (document.querySelector("meta[name=assets]"))?.content ?? "/static/dev/";
/** @type {Map<string, Promise<void>>} */
const loading = new Map();
const asked = new Set();

/** @param {string} path */
export const asset = (path) => base + path;

/** Load a classic script once. @param {string} path */
export function script(path) {
  return once(path, () => {
    const element = document.createElement("script");
    element.src = asset(path);
    return element;
  });
}

/** Load a stylesheet once. @param {string} path */
export function style(path) {
  return once(path, () => {
    const element = document.createElement("link");
    element.rel = "stylesheet";
    element.href = asset(path);
    return element;
  });
}

/** Define every custom element below a node. @param {ParentNode} [root] */
export function define(root = document) {
  for (const element of root.querySelectorAll(":not(:defined)")) {
    const tag = element.localName;
    if (asked.has(tag)) continue;
    asked.add(tag);
    import(asset(`js/elements/${tag}.js`)).catch(() => asked.delete(tag));
  }
}

/** @param {string} path @param {() => HTMLElement} make */
function once(path, make) {
  let found = loading.get(path);
  if (!found) {
    found = new Promise((resolve, reject) => {
      const element = make();
      element.addEventListener("load", () => resolve());
      element.addEventListener("error", () => reject(new Error(`could not load ${path}`)));
      document.head.append(element);
    });
    loading.set(path, found);
  }
  return found;
}
