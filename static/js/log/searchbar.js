/** The search field of a log: hits, next and previous. */
const WAIT = 200; // ms after the last letter
const FEW = 5; // hits; with fewer, and with any filter, it is offered to search what is not fetched yet

export class SearchBar {
  #log;
  #post;
  #unit;
  #form;
  #hits = -1;
  #at = -1; // the hit that is shown
  #timer = 0;
  #busy = false;
  #facts = {};
  #offer;
  #going = false; // the whole log is fetched, to be searched

  constructor(log, post, unit) {
    this.#log = log;
    this.#post = post;
    this.#unit = unit;
    this.#form = log.find("search");
    this.#form.addEventListener("input", () => this.#later());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("keydown", (event) => this.#key(event));
    this.#offer = log.find("offer");
    log.find("further").addEventListener("click", () => this.#goOn());
    log.find("next").addEventListener("click", () => this.#step(1));
    log.find("previous").addEventListener("click", () => this.#step(-1));
    this.#draw();
  }

  /** The worker has told how many hits there are. */
  show(facts) {
    this.#facts = facts;
    this.#hits = facts.hits;
    this.#busy = facts.searching;
    // What was told before the worker knew of it is of no account.
    if (this.#going && facts.asked === this.#asks && facts.loading < 0 && !this.#busy) this.#found();
    this.#draw();
  }

  /** Lines have come in between: hits are counted anew. */
  moved() {
    this.#at = -1;
    this.#draw();
  }

  /** What was searched for is not: that can be seen, and it can be asked for again. */
  dropped() {
    this.#asked = "";
    this.#form.elements.text.setAttribute("aria-invalid", "true");
  }

  /** Hit `at` is shown now. */
  at(at) {
    this.#at = at;
    this.#draw();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), WAIT);
  }

  #search() {
    clearTimeout(this.#timer);
    const { text, cased, regular } = this.#form.elements;
    this.#at = -1;
    this.#log.problem("");
    const wanted = text.value ? { text: text.value, cased: cased.checked, regular: regular.checked } : null;
    this.#asked = JSON.stringify(wanted);
    text.removeAttribute("aria-invalid");
    this.#post({ type: "search", wanted });
  }

  #asked = "null";
  #asks = 0; // how often the whole log was asked for

  #key(event) {
    if (event.target.name !== "text") return;
    if (event.key === "Enter") {
      event.preventDefault();
      const { text, cased, regular } = this.#form.elements;
      const wanted = text.value ? { text: text.value, cased: cased.checked, regular: regular.checked } : null;
      if (JSON.stringify(wanted) !== this.#asked) this.#search();
      this.#step(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && event.target.value) {
      event.preventDefault();
      event.stopPropagation();
      event.target.value = "";
      this.#search();
    }
  }

  #step(by) {
    const number = this.#log.marked ?? undefined;
    if (this.#at < 0) this.#post({ type: "hit", number, from: Math.floor(this.#unit()), back: by < 0 });
    else this.#post({ type: "hit", at: this.#at + by });
  }

  #draw() {
    const { words } = this.#log;
    const all = this.#hits.toLocaleString();
    let text = "";
    if (this.#hits === 0 && !this.#busy) text = words.nohits;
    else if (this.#hits > 0 && this.#at < 0) text = words.hits.replace("{n}", all);
    else if (this.#hits > 0) text = words.hit.replace("{n}", (this.#at + 1).toLocaleString()).replace("{all}", all);
    if (this.#hits >= 0 && this.#busy) text += " …";
    const output = this.#log.find("hits");
    if (output.textContent !== text) output.textContent = text;
    for (const name of ["next", "previous"]) this.#log.find(name).disabled = this.#hits < 1;
    this.#drawOffer();
  }

  /** There are few hits in what is there, or a filter has only looked at that: offer to fetch the rest. */
  #drawOffer() {
    const { words } = this.#log;
    const { complete, full, loading, lines, answered, filtered } = this.#facts;
    const few = this.#hits >= 0 && this.#hits < FEW && !this.#busy;
    const offered = answered && lines > 0 && !complete && (this.#going || ((few || filtered) && loading < 0));
    this.#offer.hidden = !offered;
    if (!offered) return;
    const all = lines.toLocaleString();
    const does = this.#hits < 0 ? "looked" : "searched";
    const where = full ? words[`${does}full`] : this.#going ? words[`${does}now`] : words[does];
    this.#offer.querySelector("span").textContent = where.replace("{n}", all);
    this.#log.find("further").hidden = full || this.#going;
    this.#log.find("further-label").textContent = words[`${does}all`];
  }

  /** Fetch the whole log, to search it. */
  #goOn() {
    this.#going = true;
    this.#asks += 1;
    this.#log.problem("");
    this.#post({ type: "older", all: true, ask: this.#asks });
  }

  /** The whole log was searched: show the newest hit of what has come. */
  #found() {
    this.#going = false;
    const number = this.#log.marked ?? undefined;
    if (this.#at < 0 && this.#hits > 0) this.#post({ type: "hit", number, from: Math.floor(this.#unit()), back: true });
  }
}
