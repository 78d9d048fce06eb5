// @ts-check
// Mathematics beside source: pointing at a numbered equation lights its lines of code, and the other way round.

const PLACES = "[id^='equation-'], .source-line[data-equation]";

class LessonView extends HTMLElement {
  /** @type {AbortController | null} */
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    if (!location.hash.startsWith("#line-")) this.#showFirst();
    this.#light(this.#chosen());
    addEventListener("hashchange", () => this.#light(this.#chosen()), { signal });
    for (const kind of ["pointerover", "focusin"]) this.addEventListener(kind, (event) => this.#light(numbersAt(event.target)), { signal });
    for (const kind of ["pointerleave", "focusout"]) this.addEventListener(kind, () => this.#light(this.#chosen()), { signal });
  }

  disconnectedCallback() {
    this.#listening?.abort();
  }

  /** The source opens at the function that holds the first equation, not at its imports. */
  #showFirst() {
    const source = this.querySelector("pre.source");
    const lines = [...this.querySelectorAll(".source-line")];
    const marked = lines.findIndex((line) => line.matches("[data-equation]"));
    const head = lines.findLastIndex((line, place) => place <= marked && /^(@|def |class )/.test(line.querySelector(".source-text")?.textContent ?? ""));
    if (source && head > 0) source.scrollTop = lines[head].getBoundingClientRect().top - lines[0].getBoundingClientRect().top;
  }

  /** What the keyboard is on, or else what the address names, stays lit when the pointer leaves. */
  #chosen() {
    const active = document.activeElement;
    const focused = active && this.contains(active) ? numbersAt(active) : [];
    return focused.length ? focused : numbersAt(location.hash ? document.getElementById(location.hash.slice(1)) : null);
  }

  /** @param {string[]} numbers */
  #light(numbers) {
    for (const place of this.querySelectorAll(PLACES)) place.toggleAttribute("data-lit", numbersOf(place).some((number) => numbers.includes(number)));
  }
}

/** @param {EventTarget | null} target */
function numbersAt(target) {
  const place = target instanceof Element ? target.closest(PLACES) : null;
  return place ? numbersOf(place) : [];
}

/** @param {Element} place */
function numbersOf(place) {
  return place instanceof HTMLElement && place.dataset.equation ? place.dataset.equation.split(" ") : [place.id.slice("equation-".length)];
}

customElements.define("lesson-view", LessonView);
