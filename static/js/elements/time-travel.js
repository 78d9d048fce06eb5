// @ts-check
customElements.define("time-travel", class extends HTMLElement {});
