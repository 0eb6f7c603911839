/** Fetches what a view does not have yet: older lines, those from a time on, and what a gap left out. */
import { MARK } from "./lines.js";
import { Parts } from "./parts.js";

const GAPS = new Set(["gap", "hole"]);

export class Fetches {
  whole = false; // there is nothing older
  #store;
  #rows;
  #sources;
  #post;
  #parts;
  #change; // (number, added, work): does work that puts in lines
  #time = 0; // to go to when older lines have come
  #later = 0; // the same, once there are lines, or those that are fetched now have come
  #gap = null; // { lines, at } of the mark

  constructor({ store, rows, sources, post }, send, change) {
    this.#store = store;
    this.#rows = rows;
    this.#sources = sources;
    this.#post = post;
    this.#change = change;
    this.#parts = new Parts(store, send);
  }

  /** How many lines have come of what is fetched now, -1 when nothing is. */
  get loading() {
    return this.#parts.open ? this.#parts.open.lines.count : -1;
  }

  feed(id, bytes, at) {
    this.#parts.feed(id, bytes, at);
  }

  /** Ask anew, after a lost connection. */
  again() {
    this.#parts.again();
  }

  /** Fetch a page of older lines, `all` of them, or those from a time (ms) on. Returns whether that began. */
  older(all, since = 0) {
    if (this.whole || !this.#sources.single || this.#parts.open) return false;
    const [source] = this.#sources.all.values();
    const first = this.#nearest(0, 1);
    return first || all ? this.#parts.older(source, first, all, since) : false;
  }

  /** Go to the first line of a time (ms) or later; fetches what is older than what is here. */
  toTime(at) {
    const first = this.#nearest(0, 1);
    this.#later = first && !this.#parts.open ? 0 : at;
    if (this.#later) return;
    if (first.lines.time[first.at] > at && this.older(false, at)) this.#time = at;
    else this.#tellTime(at);
  }

  /** Lines have come: go where somebody wanted to before there were any. */
  came() {
    if (this.#later && !this.#parts.open && this.#nearest(0, 1)) this.toTime(this.#later);
  }

  /** Fetch what the gap at line `number` left out. */
  fill(number) {
    const [lines, at] = this.#store.locate(number);
    if (!lines || this.#parts.open) return;
    const source = this.#sources.get(lines.source(at));
    const [before, after] = [-1, 1].map((step) => this.#nearest(number + step, step, source.index));
    this.#gap = { lines, at };
    this.#parts.gap(source, before, after);
  }

  /** A part is whole, or there is a problem with it. */
  ended(id, problem) {
    const part = this.#parts.finish(id);
    if (!part) return;
    const text = problem || part.reader.complaint;
    if (text || part.early) this.#post({ type: "problem", text });
    else if (part.kind === "older") this.#putOlder(part);
    else this.#putGap(part);
  }

  /** What is fetched may not be read. */
  refused(text) {
    if (this.#parts.open) this.ended(this.#parts.open.id, text);
  }

  /** Return the nearest line that is no mark, from `number` on, one way or the other. */
  #nearest(number, step, source = -1) {
    for (const count = this.#store.count; number >= 0 && number < count; number += step) {
      const [lines, at] = this.#store.locate(number);
      if (lines.stream(at) !== MARK && (source < 0 || lines.source(at) === source)) return { lines, at };
    }
    return null;
  }

  #putOlder({ source, lines, tail, since, reader }) {
    if (!since && (!tail || reader.entries < tail)) this.whole = true;
    source.older = (source.older || 0) + reader.entries;
    if (lines.count) this.#change(0, lines.count, () => this.#store.insert(0, lines));
    if (this.#time) this.#tellTime(this.#time);
    this.#time = 0;
  }

  #putGap({ lines }) {
    const number = this.#numberOf(this.#gap);
    if (number < 0) return;
    this.#change(number, lines.count - 1, () => {
      if (lines.count) this.#store.insert(number, lines);
      this.#store.remove(number + lines.count);
    });
  }

  #numberOf({ lines, at }) {
    let before = 0;
    for (const segment of this.#store.segments) {
      if (segment === lines) return GAPS.has(this.#store.said(lines, at).code) ? before + at : -1;
      before += segment.count;
    }
    return -1;
  }

  #tellTime(at) {
    const count = this.#store.count;
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [lines, local] = this.#store.locate(middle);
      if (lines.time[local] < at) low = middle + 1;
      else high = middle;
    }
    const number = Math.min(low, Math.max(0, count - 1));
    this.#post({ type: "place", number, unit: this.#rows.top(this.#rows.row(number)) });
  }
}
