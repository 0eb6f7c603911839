/** The search field of a log: hits, next and previous. */
const WAIT = 200; // ms after the last letter

export class SearchBar {
  #log;
  #post;
  #unit;
  #form;
  #hits = -1;
  #at = -1; // the hit that is shown
  #timer = 0;
  #busy = false;

  constructor(log, post, unit) {
    this.#log = log;
    this.#post = post;
    this.#unit = unit;
    this.#form = log.find("search");
    this.#form.addEventListener("input", () => this.#later());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("keydown", (event) => this.#key(event));
    log.find("next").addEventListener("click", () => this.#step(1));
    log.find("previous").addEventListener("click", () => this.#step(-1));
    this.#draw();
  }

  /** The worker has told how many hits there are. */
  show({ hits, searching }) {
    this.#hits = hits;
    this.#busy = searching;
    this.#draw();
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
    this.#post({ type: "search", wanted });
  }

  #asked = "null";

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
    if (this.#at < 0) this.#post({ type: "hit", from: Math.floor(this.#unit()), back: by < 0 });
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
  }
}
