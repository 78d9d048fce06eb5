// @ts-check
// Colours of data: viridis for values, a theme's own diverging map for errors, tokens of the stylesheet.

// Viridis at 17 even points, as sRGB; perceptually uniform and safe for colour-blind eyes.
const VIRIDIS = [
  [68, 1, 84], [72, 21, 103], [72, 38, 119], [69, 55, 129], [64, 71, 136], [57, 86, 140], [51, 99, 141], [45, 112, 142],
  [40, 125, 142], [35, 138, 141], [31, 150, 139], [32, 163, 135], [60, 187, 117], [85, 198, 103], [115, 208, 85],
  [184, 222, 41], [253, 231, 37],
];
const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
/** @type {Map<string, string>} */
let tokens = new Map();
/** @type {Map<string, number[]>} */
let triples = new Map();

document.addEventListener("theme-change", () => {
  tokens = new Map();
  triples = new Map();
});

/** The computed colour of a token such as `--accent`. @param {string} name */
export function token(name) {
  let found = tokens.get(name);
  if (!found) {
    const element = document.createElement("i");
    element.style.color = `var(${name})`;
    document.body.append(element);
    found = getComputedStyle(element).color;
    element.remove();
    tokens.set(name, found);
  }
  return found;
}

/** The red, green, blue of a token. @param {string} name */
export function rgb(name) {
  let found = triples.get(name);
  if (!found) {
    found = [0, 0, 0];
    if (probe) {
      probe.fillStyle = token(name);
      probe.fillRect(0, 0, 1, 1);
      found = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }
    triples.set(name, found);
  }
  return found;
}

/** @param {number} share 0 to 1 */
export function sequential(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.floor(at);
  return mix(VIRIDIS[low], VIRIDIS[Math.min(low + 1, VIRIDIS.length - 1)], at - low);
}

/** @param {number} share −1 to 1; 0 is the theme's neutral. */
export function diverging(share) {
  const end = rgb(share < 0 ? "--diverge-low" : "--diverge-high");
  return mix(rgb("--diverge-zero"), end, Math.min(Math.abs(share), 1) ** 0.8);
}

/** @param {number[]} color */
export const css = (color) => `rgb(${color[0]} ${color[1]} ${color[2]})`;

/** Black or white, whichever can be read on a colour: at least one has a contrast of 4.5. @param {number[]} color */
export function ink(color) {
  const [r, g, b] = color.map((part) => (part / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "rgb(0 0 0)" : "rgb(255 255 255)";
}

/** Fill a scale bar with a colour map. @param {HTMLElement} bar @param {(share: number) => number[]} map @param {number} low */
export function paintScale(bar, map, low) {
  const stops = Array.from({ length: 9 }, (_unused, i) => css(map(low + ((1 - low) * i) / 8)));
  bar.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
}

/** @param {number[]} from @param {number[]} to @param {number} share */
function mix(from, to, share) {
  return from.map((part, i) => Math.round(part + (to[i] - part) * share));
}
