/**
 * The part of a log that can be seen: a list as high as all its rows, of which only those in sight exist. Rows are as
 * high as the worker says, in units of one row of text, so a million of them cost no layout.
 */
const TALLEST = 8_000_000; // px of an element that all browsers can draw; more than that is scaled
const SPARE = 30; // rows above and below what is in sight
const SETTLE = 400; // ms in which a key pressed before may still move the view
const NEAR_END = 8; // px

export class View {
  following = true;
  #scroll;
  #settled = 0; // when, by performance.now()
  #space;
  #list;
  #draw; // (row) => element
  #ask; // ({ from, units, following }) => asks the worker
  #told; // () => following has changed
  #unit = 20; // px
  #units = 0;
  #first = 0; // unit of the first drawn row
  #elements = new Map(); // line number -> element
  #keys = new Map(); // line number -> what it was drawn from
  #top = 0;
  #held = false;
  #asked = { from: -1, units: 0, page: 0 };
  #stops = [];

  constructor({ scroll, space, list }, draw, ask, told) {
    this.#scroll = scroll;
    this.#space = space;
    this.#list = list;
    this.#draw = draw;
    this.#ask = ask;
    this.#told = told;
    this.#unit = parseFloat(getComputedStyle(list).lineHeight) || 20;
    scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroll.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    scroll.addEventListener("keydown", (event) => this.#key(event));
    const sizes = new ResizeObserver(() => this.resized());
    sizes.observe(scroll);
    this.#stops.push(() => sizes.disconnect());
  }

  stop() {
    for (const stop of this.#stops) stop();
  }

  /** How many rows of text fit. */
  get page() {
    return Math.max(1, Math.ceil(this.#scroll.clientHeight / this.#unit));
  }

  /** The unit at the top of what is in sight. */
  get unit() {
    return (this.#scroll.scrollTop * this.#scale) / this.#unit;
  }

  get #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  get #full() {
    return this.#units * this.#unit;
  }

  /** How many px of rows one px of scrolling goes. */
  get #scale() {
    const room = this.#scroll.clientHeight;
    return this.#full > TALLEST ? (this.#full - room) / (TALLEST - room) : 1;
  }

  /** Stay at the end. */
  follow() {
    this.following = true;
    this.#settled = performance.now() + SETTLE;
    this.#toEnd();
    this.ask();
    this.#told();
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#top = this.#scroll.scrollTop;
  }

  /** Somebody marks text: nothing moves. */
  hold() {
    if (!this.following) return;
    this.#held = true;
    this.leave();
  }

  /** Nothing is marked any more. */
  letGo() {
    if (this.#held && this.#atEnd) this.follow();
    this.#held = false;
  }

  /** Stay where it is. */
  leave() {
    if (!this.following) return;
    this.following = false;
    this.ask();
    this.#told();
  }

  /** Go to a unit, so that it stands in the upper part of the view. */
  go(unit) {
    this.following = false;
    const above = Math.floor(this.page / 3);
    this.#scroll.scrollTop = (Math.max(0, unit - above) * this.#unit) / this.#scale;
    this.#top = this.#scroll.scrollTop;
    this.ask();
    this.#told();
  }

  /** What is shown has moved by some units: go with it. */
  shift(units) {
    if (this.following || !units) return;
    this.#grow(Math.max(this.#units + Math.max(0, units), 0));
    this.#scroll.scrollTop += (units * this.#unit) / this.#scale;
    this.#top = this.#scroll.scrollTop;
  }

  resized() {
    if (this.page !== this.#asked.page) this.ask();
  }

  /** Ask for what is in sight, and some more. */
  ask() {
    const { page } = this;
    if (this.following) {
      this.#asked = { from: -1, units: 0, page }; // who leaves the end has to ask for what is there
      this.#ask({ from: 0, units: page + 1, following: true });
      return;
    }
    const from = Math.max(0, Math.floor(this.unit) - SPARE);
    this.#asked = { from, units: page + 2 * SPARE, page };
    this.#ask({ from, units: this.#asked.units, following: false });
  }

  /** Draw the rows that the worker tells; `units` is the height of all. */
  show({ rows, units }) {
    // Somebody has scrolled in this frame: the event that is still to come finds nothing changed.
    const scrolled = !this.following && this.#scroll.scrollTop !== this.#top;
    this.#grow(units);
    const kept = new Map();
    const keys = new Map();
    const elements = rows.map((row) => {
      const key = `${row.top} ${row.high} ${row.hits?.length || 0} ${row.key || ""}`;
      const known = this.#keys.get(row.number) === key ? this.#elements.get(row.number) : null;
      const element = known || this.#draw(row);
      if (!known && row.high > 1) element.style.minHeight = `${row.high * this.#unit}px`;
      kept.set(row.number, element);
      keys.set(row.number, key);
      return element;
    });
    this.#elements = kept;
    this.#keys = keys;
    this.#first = rows.length ? rows[0].top : 0;
    place(this.#list, elements);
    if (this.following) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#top = this.#scroll.scrollTop;
    this.#put();
    if (scrolled) this.#near();
  }

  /** Draw all rows anew. */
  forget() {
    this.#keys.clear();
    this.ask();
  }

  /** The numbers of lines have changed. */
  forgetNumbers() {
    this.#keys.clear();
  }

  element(number) {
    return this.#elements.get(number);
  }

  #grow(units) {
    if (units === this.#units) return;
    this.#units = units;
    this.#space.style.height = `${Math.min(this.#full, TALLEST)}px`;
  }

  #put() {
    const scale = this.#scale;
    const top = this.#scroll.scrollTop;
    const offset = scale === 1 ? this.#first * this.#unit : top + this.#first * this.#unit - top * scale;
    this.#list.style.transform = `translateY(${offset}px)`;
  }

  #scrolled() {
    const before = this.#top;
    this.#top = this.#scroll.scrollTop;
    if (this.#top === before) return;
    if (this.#scale !== 1) this.#put();
    if (this.#atEnd && this.#top > before) {
      if (!this.following) this.follow();
      return;
    }
    if (this.#top < before - 1 && this.following) {
      if (performance.now() < this.#settled) return this.#toEnd();
      this.following = false;
      this.#told();
    }
    if (this.following) return;
    this.#near();
    this.#told();
  }

  /** Ask again only when what was asked for is nearly left. */
  #near() {
    const top = Math.floor(this.unit);
    const { from, units } = this.#asked;
    const slack = SPARE / 2;
    if ((from > 0 && top - slack < from) || top + this.page + slack > from + units || from < 0) this.ask();
  }

  /** The end is where the log goes on, also when it has grown meanwhile. */
  #key(event) {
    if (event.key !== "End" || event.target !== this.#scroll) return;
    event.preventDefault();
    this.follow();
  }

  #wheel(event) {
    if (event.deltaY < 0 && this.following && this.#full > this.#scroll.clientHeight) this.leave();
    if (this.#scale === 1 || event.ctrlKey || !event.deltaY) return;
    event.preventDefault();
    const px = event.deltaMode === 1 ? event.deltaY * this.#unit : event.deltaY;
    this.#scroll.scrollTop += Math.sign(px) * Math.max(1, Math.abs(px) / this.#scale);
  }
}

/** Make `list` have just these elements, moving as few as can be. */
function place(list, elements) {
  let at = list.firstElementChild;
  const wanted = new Set(elements);
  while (at && !wanted.has(at)) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
  for (const element of elements) {
    while (at && at !== element && !wanted.has(at)) {
      const next = at.nextElementSibling;
      at.remove();
      at = next;
    }
    if (at === element) at = at.nextElementSibling;
    else list.insertBefore(element, at);
  }
  while (at) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
}
