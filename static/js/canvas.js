// @ts-check
// A canvas that is sharp at any device pixel ratio, draws once per animation frame, and rests while it cannot be seen.

export class Surface {
  #is_due = false;
  #sizes;
  width = 0;
  height = 0;

  /**
   * @param {HTMLCanvasElement} canvas @param {(ctx: CanvasRenderingContext2D, width: number, height: number) => void} draw
   * @param {(width: number) => number} height_of height in CSS pixels for a width
   */
  constructor(canvas, draw, height_of) {
    this.canvas = canvas;
    this.draw = draw;
    this.height_of = height_of;
    this.#sizes = new ResizeObserver(() => this.soon());
    this.#sizes.observe(/** @type {Element} */ (canvas.parentElement));
    document.addEventListener("theme-change", this.soon);
  }

  soon = () => {
    if (this.#is_due) return;
    this.#is_due = true;
    requestAnimationFrame(() => {
      this.#is_due = false;
      this.#paint();
    });
  };

  close() {
    this.#sizes.disconnect();
    document.removeEventListener("theme-change", this.soon);
  }

  #paint() {
    const { canvas } = this;
    const room = canvas.parentElement?.clientWidth ?? 0;
    const ctx = canvas.getContext("2d");
    if (!room || !ctx || !canvas.isConnected) return;
    const height = this.height_of(room);
    const ratio = devicePixelRatio || 1;
    this.width = room;
    this.height = height;
    const [w, h] = [Math.round(room * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.inlineSize = `${room}px`;
      canvas.style.blockSize = `${height}px`;
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, room, height);
    this.draw(ctx, room, height);
  }
}
