/** The filter of a log: text, level, stream, container and time. */
const WAIT = 250; // ms after the last letter
const TIME_WAIT = 800; // and after the last part of a time: lines are fetched for it

export class Filters {
  #log;
  #changed;
  #form;
  #button;
  #timer = 0;
  #asked = "null";

  constructor(log, changed) {
    this.#log = log;
    this.#changed = changed;
    this.#form = log.find("filters");
    this.#button = log.find("filter");
    this.#button.addEventListener("click", () => this.#toggle());
    this.#form.addEventListener("input", ({ target }) => this.#later(target.type === "datetime-local" ? TIME_WAIT : WAIT));
    this.#form.addEventListener("submit", (event) => this.#submitted(event));
    this.#form.addEventListener("reset", () => setTimeout(() => this.#ask()));
  }

  /** Show all lines, and the one whose details are open among them. */
  clear() {
    this.#form.reset();
    this.#ask(true);
  }

  /** What was asked for is not in force: that can be seen, and it can be asked for again. */
  dropped() {
    this.#asked = "";
    this.#button.classList.remove("is-set");
    this.#form.elements.text.setAttribute("aria-invalid", "true");
  }

  /** Offer these sources, when there are several. */
  sources(known) {
    const select = this.#form.elements.source;
    const chosen = select.value;
    select.replaceChildren(select.options[0], ...[...known.values()].map((one) => new Option(one.title || one.name, one.index)));
    select.value = chosen;
    for (const part of this.#form.querySelectorAll("[data-log-source]")) part.hidden = known.size < 2;
  }

  #toggle() {
    this.#form.hidden = !this.#form.hidden;
    this.#button.setAttribute("aria-expanded", String(!this.#form.hidden));
    if (!this.#form.hidden) this.#form.elements.text.focus();
  }

  #submitted(event) {
    event.preventDefault();
    this.#ask();
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), wait);
  }

  #ask(opened = false) {
    clearTimeout(this.#timer);
    const wanted = this.#wanted();
    this.#button.classList.toggle("is-set", wanted !== null);
    if (JSON.stringify(wanted) === this.#asked && !opened) return;
    this.#asked = JSON.stringify(wanted);
    this.#form.elements.text.removeAttribute("aria-invalid");
    this.#changed(wanted, opened);
  }

  #wanted() {
    const { text, cased, regular, stream, source, since, until } = this.#form.elements;
    const levels = [...this.#form.querySelectorAll("[name=level]")].filter((box) => box.checked).map((box) => box.value);
    const moment = (field) => (field.value ? new Date(field.value).getTime() : 0);
    const wanted = {
      text: text.value,
      cased: cased.checked,
      regular: regular.checked,
      levels: levels.length ? levels : null,
      streams: stream.value ? [stream.value] : null,
      sources: source.value ? [Number(source.value)] : null,
      since: moment(since),
      until: moment(until),
    };
    return Object.values({ ...wanted, cased: 0, regular: 0 }).some(Boolean) ? wanted : null;
  }
}
