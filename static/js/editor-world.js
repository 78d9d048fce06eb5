// @ts-check
// A world being drawn: its letters, the rewards of single cells, and every step back. Knows no page.

/** @typedef {Record<string, any>} Drawing every option of the world by name; `layout` and `rewards` are drawn here */

const MOST_UNDONE = 300;
const FLOOR = ".";

export class World {
  rows = 1;
  cols = 1;
  /** @type {string[]} one letter a cell */
  letters = [];
  /** @type {Map<number, number>} cell → reward */
  rewards = new Map();
  /** @type {Drawing[]} */
  #past = [];
  /** @type {Drawing[]} */
  #future = [];
  /** @type {Drawing} what the text says, also where it cannot be drawn as it is */
  drawing = { layout: "", rewards: "" };

  /** @param {Drawing} drawing */
  constructor(drawing) {
    this.#read(drawing);
  }

  /** What can be taken back, the newest last. @returns {Drawing[]} */
  get past() {
    return this.#past;
  }

  set past(drawings) {
    this.#past = drawings;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Place a letter in a cell; a wall has no reward of its own. @param {number} cell @param {string} letter */
  place(cell, letter) {
    this.letters[cell] = letter;
    if (letter === "#") this.rewards.delete(cell);
  }

  /** @param {number} cell @param {string} text what is no number takes it away */
  reward(cell, text) {
    const reward = Number(text);
    if (text.trim() === "" || !Number.isFinite(reward)) this.rewards.delete(cell);
    else if (this.letters[cell] !== "#") this.rewards.set(cell, reward);
  }

  /** Make what was placed since the last time one step back; returns whether there was anything. */
  commit() {
    return this.load(this.draft());
  }

  /** Replace what is named, as one step back; returns whether anything changed. @param {Drawing} changes */
  load(changes) {
    const drawing = { ...this.drawing, ...changes };
    if (JSON.stringify(drawing) === JSON.stringify(this.drawing)) return false;
    this.#past.push(this.drawing);
    this.#past.splice(0, this.#past.length - MOST_UNDONE);
    this.#future = [];
    this.#read(drawing);
    return true;
  }

  /** Cut or fill with floor at the right and the bottom. @param {number} rows @param {number} cols */
  resize(rows, cols) {
    const letters = Array.from({ length: rows * cols }, (_unused, cell) => {
      const [row, col] = [Math.floor(cell / cols), cell % cols];
      return row < this.rows && col < this.cols ? this.letters[row * this.cols + col] : FLOOR;
    });
    const kept = [...this.rewards].filter(([cell]) => Math.floor(cell / this.cols) < rows && cell % this.cols < cols);
    this.rewards = new Map(kept.map(([cell, reward]) => [Math.floor(cell / this.cols) * cols + (cell % this.cols), reward]));
    Object.assign(this, { letters, rows, cols });
    return this.commit();
  }

  undo() {
    return this.#go(this.#past, this.#future);
  }

  redo() {
    return this.#go(this.#future, this.#past);
  }

  /** @param {Drawing[]} from @param {Drawing[]} to */
  #go(from, to) {
    const drawing = from.pop();
    if (!drawing) return false;
    to.push(this.drawing);
    this.#read(drawing);
    return true;
  }

  /** @param {Drawing} drawing */
  #read(drawing) {
    this.drawing = drawing;
    const lines = rowsOf(drawing.layout);
    this.rows = lines.length;
    this.cols = Math.max(1, ...lines.map((line) => line.length));
    this.letters = lines.flatMap((line) => [...line.padEnd(this.cols, FLOOR)]);
    this.rewards = new Map();
    for (const [row, col, reward] of rewardsOf(drawing.rewards ?? "")) {
      if (row < this.rows && col < this.cols) this.rewards.set(row * this.cols + col, reward);
    }
  }

  /** What is drawn now, also in the middle of a stroke. @returns {Drawing} */
  draft() {
    const lines = Array.from({ length: this.rows }, (_unused, row) => this.letters.slice(row * this.cols, (row + 1) * this.cols).join(""));
    const cells = [...this.rewards].sort(([one], [other]) => one - other);
    const rewards = cells.map(([cell, reward]) => `${Math.floor(cell / this.cols)},${cell % this.cols}:${reward}`);
    return { ...this.drawing, layout: lines.join("/"), rewards: rewards.join(";") };
  }
}

/** The rows of a layout, between `/` or line breaks. @param {string} text */
function rowsOf(text) {
  const lines = text.trim().replace(/^\/+|\/+$/g, "").split(/\/|\r?\n/);
  return lines.map((line) => line.trim());
}

/** Row, column and reward of each entry of `row,column:reward; …` or its JSON. @param {string} text */
function rewardsOf(text) {
  const found = text.matchAll(/(\d+)\s*,\s*(\d+)"?\s*:\s*(-?[\d.]+(?:e-?\d+)?)/gi);
  return [...found].map((one) => [Number(one[1]), Number(one[2]), Number(one[3])]).filter((one) => one.every(Number.isFinite));
}

/** The cells on the straight line between two, so that a quick stroke leaves no gaps. @param {number} from @param {number} to @param {number} cols */
export function line(from, to, cols) {
  const [x0, y0, x1, y1] = [from % cols, Math.floor(from / cols), to % cols, Math.floor(to / cols)];
  const count = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
  return Array.from({ length: count + 1 }, (_unused, i) => {
    const share = count ? i / count : 0;
    return Math.round(y0 + (y1 - y0) * share) * cols + Math.round(x0 + (x1 - x0) * share);
  });
}
