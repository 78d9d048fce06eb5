// @ts-check
// The line across a curve at the moment that is shown.

/** Move the line of a plot, or take it away. @param {any} plot @param {number | null} at on its x axis */
export function momentLine(plot, at) {
  const over = /** @type {HTMLElement} */ (plot.over);
  let line = /** @type {HTMLElement | null} */ (over.querySelector(".plot-moment"));
  const x = at === null ? NaN : plot.valToPos(Math.min(Math.max(at, plot.scales.x.min), plot.scales.x.max), "x");
  if (!Number.isFinite(x)) return void line?.remove();
  if (!line) {
    line = document.createElement("div");
    line.className = "plot-moment";
    over.append(line);
  }
  line.style.transform = `translateX(${x}px)`;
}
