/**
 * Where lines come from: each source reads its own frames; several are merged in time order, each line waiting a moment
 * for earlier ones of the others.
 */
import { FrameReader } from "./frames.js";
import { Lines } from "./lines.js";

const WINDOW = 250; // ms that a line waits
const PAUSE = 1000; // ms without a line: what an engine had when it was asked has come
const TAIL = 1000; // entries that a log begins with, unless the server says something else

export class Sources {
  /**
   * index -> { index, container, name, host, reader, pending, answered, over, and how far back it reaches: `whole`, `since`
   * (ms) where that is known, `small`: so little that nobody has to ask, `barred`: nothing more is to be had, `older`:
   * entries that were fetched, `marks` }
   */
  all = new Map();
  #chosen = null; // the indices that a filter lets through, null for all
  #numbers = new Map(); // what the server calls a source on this connection -> its index
  #store;
  #changed;
  #early; // (lines): takes lines that are earlier than those that are there
  #timer = 0;

  constructor(store, changed, early) {
    this.#store = store;
    this.#changed = changed;
    this.#early = early;
  }

  get single() {
    return this.all.size === 1;
  }

  /** Show only these sources (their indices), null for all. */
  choose(indices) {
    this.#chosen = indices && new Set(indices);
  }

  /** Those that are shown: what is missing of the others is nobody's question now. */
  get shown() {
    const all = [...this.all.values()];
    return this.#chosen ? all.filter(({ index }) => this.#chosen.has(index)) : all;
  }

  /** The server numbers the containers of each connection anew: those that are known keep their index. Returns them. */
  told(sources) {
    return sources.map(({ index: number, ...facts }) => {
      const known = [...this.all.values()].find(({ container }) => container === facts.container);
      const index = known ? known.index : this.all.size;
      this.#numbers.set(number, index);
      this.set(index, facts);
      return { index, ...facts };
    });
  }

  /** Return the index of what the server calls `number`. */
  index(number) {
    return this.#numbers.get(number) ?? number;
  }

  /** Add a source, or tell again what it is. */
  set(index, facts) {
    const known = this.all.get(index);
    if (known) return Object.assign(known, facts);
    const source = { index, tail: TAIL, ...facts, pending: new Lines(), at: 0, answered: false, over: "" };
    Object.assign(source, { older: 0, marks: 0, heard: 0, merged: false, small: false, whole: false });
    const target = { live: null };
    Object.defineProperty(target, "live", { get: () => (this.single ? this.#store.live : source.pending) });
    source.reader = new FrameReader(this.#store.blocks, target, index);
    this.all.set(index, source);
    return source;
  }

  get(index) {
    return this.all.get(index) || this.set(index, { container: 0, name: "" });
  }

  /** Frames have come. */
  feed(index, bytes, at) {
    const source = this.get(index);
    source.answered = true;
    const now = Date.now();
    if (source.heard && now - source.heard > PAUSE && source.reader.entries + source.marks < source.tail) source.small = true;
    source.heard = now;
    source.reader.feed(bytes, at);
    this.#soon();
  }

  /** Lines of a source are missing, nobody knows how many when it is less than 0. */
  skipped(index, count) {
    const source = this.get(index);
    source.skipped = true;
    source.older += Math.max(0, count);
    source.uncounted ||= count < 0;
  }

  /** Something happened to a source, after its last line; `span`: two times between which the engine may have more. */
  mark(index, code, text, span) {
    const source = this.get(index);
    source.reader.flush();
    source.marks += 1;
    const lines = this.single ? this.#store.live : source.pending;
    const last = lines.count ? lines.time[lines.count - 1] : this.#lastTime();
    this.#store.mark(code, text, index, last, lines, span);
    this.#soon();
  }

  /** Return what of each source the page has: `place` arguments. */
  places() {
    const found = [];
    for (const { container, reader } of this.all.values()) {
      if (reader.last) found.push(`${container},${reader.last.same},${reader.last.at}`);
    }
    return found;
  }

  /** The first lines of a source: an engine that answers late has earlier ones than those that are there. */
  #begin(source) {
    source.merged = true;
    if (!this.#store.count || timeOf(source) >= this.#lastTime()) return;
    const lines = source.pending;
    source.pending = new Lines();
    this.#early(lines);
  }

  #lastTime() {
    const { count } = this.#store;
    if (!count) return Date.now();
    const [lines, at] = this.#store.locate(count - 1);
    return lines.time[at];
  }

  #soon() {
    if (this.single) return this.#changed();
    if (!this.#timer) this.#timer = setTimeout(() => this.#merge(), WINDOW);
  }

  /** Take over what has waited long enough, the earliest line first. */
  #merge() {
    this.#timer = 0;
    let sources = [...this.all.values()].filter((one) => one.at < one.pending.count);
    for (const source of sources) if (!source.merged && source.reader.entries) this.#begin(source);
    sources = sources.filter((one) => one.at < one.pending.count);
    while (sources.length) {
      let first = 0;
      for (let n = 1; n < sources.length; n += 1) if (timeOf(sources[n]) < timeOf(sources[first])) first = n;
      const source = sources[first];
      this.#store.live.take(source.pending, source.at);
      source.at += 1;
      if (source.at < source.pending.count) continue;
      source.pending = new Lines();
      source.at = 0;
      sources.splice(first, 1);
    }
    this.#changed();
  }
}

const timeOf = (source) => source.pending.time[source.at];
