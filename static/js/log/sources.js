/**
 * Where lines come from: each source reads its own frames; several are merged in time order, each line waiting a moment
 * for earlier ones of the others.
 */
import { FrameReader } from "./frames.js";
import { Lines } from "./lines.js";
import { mergedAll } from "./merge.js";

const TURN = 125; // ms: a line waits one to two turns
const BEGINS = 16; // turns in which first lines may come in pieces; what is late after them has a slow clock
const PAUSE = 1000; // ms without a line: what an engine had when it was asked has come
const TAIL = 1000; // entries that a log begins with, unless the server says something else

export class Sources {
  /**
   * index -> { index, container, name, host, reader, pending, answered, over, `there`: lines of it are in the store,
   * and how far back it reaches: `whole`, `since` (ms) where that is known, `small`: so little that nobody has to ask,
   * `more`: it has older ones for sure,
   * `barred`: nothing more is to be had, `away`: its host does not answer, `older`: entries that were fetched, `marks` }
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

  /** Whether a host does not answer of which more may come. */
  get cut() {
    return [...this.all.values()].some(({ away, over }) => away && !over);
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
    const source = { index, tail: TAIL, ...facts, pending: new Lines(), at: 0, ripe: 0, answered: false, over: "" };
    Object.assign(source, { older: 0, marks: 0, heard: 0, begun: 0, small: false, whole: false });
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
    source.there ||= this.single;
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

  /** Return what of each source the page has: `place` arguments. Of one that was removed nothing more will come. */
  places() {
    const found = [];
    for (const { container, reader, over } of this.all.values()) {
      if (reader.last && over !== "removed") found.push(`${container},${reader.last.same},${reader.last.at}`);
    }
    return found;
  }

  /** Return what the chosen containers are, as far as there is `space` for it: `was` arguments. */
  was(chosen, space) {
    const found = [];
    for (const { container, host, name } of this.all.values()) {
      if (!host || !chosen.includes(String(container))) continue;
      const text = `${container},${host},${name}`;
      space -= encodeURIComponent(text).length + "&was=".length;
      if (space < 0) break;
      found.push(text);
    }
    return found;
  }

  /** Forget the lines that are not in the store yet. */
  drop() {
    for (const source of this.all.values()) {
      source.reader.forget();
      Object.assign(source, { pending: new Lines(), at: 0, ripe: 0 });
    }
  }

  /**
   * An engine that answers late, or its first lines in pieces, has earlier ones than those that are there: they go among
   * them. Returns whether there were any.
   */
  #begin(young) {
    if (!this.#store.count) return false;
    const last = this.#lastTime();
    const parts = [];
    for (const source of young) {
      source.begun += 1;
      const { pending } = source;
      let late = 0;
      while (late < pending.count && pending.time[late] < last) late += 1;
      if (!late) continue;
      parts.push(pending.slice(0, late));
      pending.shift(late);
      source.ripe = Math.max(0, source.ripe - late);
      source.there = true;
    }
    if (parts.length) this.#early(mergedAll(parts));
    return parts.length > 0;
  }

  #lastTime() {
    const { count } = this.#store;
    if (!count) return Date.now();
    const [lines, at] = this.#store.locate(count - 1);
    return lines.time[at];
  }

  #soon() {
    if (this.single) return this.#changed();
    if (!this.#timer) this.#timer = setTimeout(() => this.#merge(), TURN);
  }

  /** Take over what has waited long enough, the earliest line first, and those that are earlier than it. */
  #merge() {
    this.#timer = 0;
    const waiting = [...this.all.values()].filter(({ pending }) => pending.count);
    const early = this.#begin(waiting.filter(({ begun, reader }) => begun < BEGINS && reader.entries));
    const ripe = waiting.filter((source) => source.ripe > source.at);
    const until = Math.max(...ripe.map(latestOf));
    const sources = waiting.filter((source) => source.at < source.pending.count && timeOf(source) <= until);
    const some = early || sources.length > 0;
    while (sources.length) {
      let first = 0;
      for (let n = 1; n < sources.length; n += 1) if (timeOf(sources[n]) < timeOf(sources[first])) first = n;
      const source = sources[first];
      this.#store.live.take(source.pending, source.at);
      source.at += 1;
      source.there ||= source.reader.entries > 0;
      if (source.at === source.pending.count || timeOf(source) > until) sources.splice(first, 1);
    }
    for (const source of waiting) if (leftOf(source)) this.#soon();
    if (some) this.#changed();
  }

  /** Lines that are not in the store yet, though their bytes are. */
  get pending() {
    return [...this.all.values()].map((source) => source.pending);
  }
}

/** Forget what was taken over; what is left is ripe next time. Returns how much that is. */
function leftOf(source) {
  source.pending.shift(source.at);
  source.at = 0;
  source.ripe = source.pending.count;
  return source.ripe;
}

/** The latest time of what is ripe: a mark may be later than the lines that come after it. */
function latestOf({ pending, at, ripe }) {
  let latest = -Infinity;
  for (let n = at; n < ripe; n += 1) if (pending.time[n] > latest) latest = pending.time[n];
  return latest;
}

const timeOf = (source) => source.pending.time[source.at];
