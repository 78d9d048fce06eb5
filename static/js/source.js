// @ts-check
// The leader's end of the stream: an EventSource for the runs that any tab watches, one for the rows of the list.

const RETRY_MS = [1000, 2000, 4000, 8000];

export class Source {
  #tell;
  #linked;
  /** @type {Record<string, Feed>} */
  #feeds = {};

  /** @param {(runs: Record<string, any>) => void} tell @param {(is_lost: boolean) => void} linked told when the server goes away and comes back */
  constructor(tell, linked) {
    this.#tell = tell;
    this.#linked = () => linked(Object.values(this.#feeds).some((feed) => feed.is_lost));
  }

  /** Watch exactly this. @param {import("./stream.js").Wants} wants */
  follow(wants) {
    const runs = new URLSearchParams({ runs: wants.runs.join(",") });
    if (wants.panels.length) runs.set("panels", JSON.stringify(wants.panels));
    this.#feed("runs").open(wants.runs.length ? `?${runs}` : null);
    this.#feed("rows").open(wants.rows ? "" : null);
  }

  close() {
    for (const feed of Object.values(this.#feeds)) feed.open(null);
  }

  /** @param {string} name */
  #feed(name) {
    return (this.#feeds[name] ??= new Feed(this.#tell, this.#linked));
  }
}

class Feed {
  is_lost = false;
  #tell;
  #linked;
  /** @type {string | null} */
  #query = null;
  /** @type {EventSource | null} */
  #source = null;
  #cursor = "";
  #failures = 0;
  /** @type {Set<string>} runs that the open stream covers */
  #covered = new Set();

  /** @param {(runs: Record<string, any>) => void} tell @param {() => void} linked */
  constructor(tell, linked) {
    this.#tell = tell;
    this.#linked = linked;
  }

  /** @param {boolean} is_lost */
  #link(is_lost) {
    if (is_lost === this.is_lost) return;
    this.is_lost = is_lost;
    this.#linked();
  }

  /** @param {string | null} query null ends the stream. */
  open(query) {
    if (query === this.#query) return;
    this.#query = query;
    if (query === null) {
      this.#cursor = "";
      this.#covered.clear();
    }
    this.#connect();
  }

  /** What changed between a page's reading and its listening is read again. */
  #cover() {
    const runs = new URLSearchParams(this.#query ?? "").get("runs")?.split(",") ?? ["0"];
    const fresh = runs.filter((run) => !this.#covered.has(run));
    this.#covered = new Set(runs);
    if (fresh.length) this.#tell(Object.fromEntries(fresh.map((run) => [run, { refetch: true }])));
  }

  #connect() {
    this.#source?.close();
    this.#source = null;
    if (this.#query === null) return this.#link(false);
    const cursor = this.#cursor ? `${this.#query ? "&" : "?"}cursor=${encodeURIComponent(this.#cursor)}` : "";
    const source = new EventSource(`/api/v1/stream${this.#query}${cursor}`);
    this.#source = source;
    source.addEventListener("open", () => this.#link(false));
    source.addEventListener("hello", (event) => {
      this.#cursor = event.lastEventId; // a stream that takes this one's place goes on from here
      this.#cover();
    });
    source.addEventListener("message", (event) => {
      this.#failures = 0;
      if (event.lastEventId) this.#cursor = event.lastEventId;
      this.#tell(JSON.parse(event.data).runs ?? {});
    });
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.#link(true);
      if (source.readyState !== EventSource.CLOSED) return;
      const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
      setTimeout(() => source === this.#source && this.#connect(), wait);
    });
  }
}
