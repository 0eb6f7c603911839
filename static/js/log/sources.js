/**
 * Where lines come from: each source reads its own frames; several are merged in time order, each line waiting a moment
 * for earlier ones of the others.
 */
import { FrameReader } from "./frames.js";
import { Lines } from "./lines.js";

const WINDOW = 250; // ms that a line waits

export class Sources {
  all = new Map(); // index -> { index, container, name, host, reader, pending, answered, over }
  #store;
  #changed;
  #timer = 0;

  constructor(store, changed) {
    this.#store = store;
    this.#changed = changed;
  }

  get single() {
    return this.all.size === 1;
  }

  /** Add a source, or tell again what it is. */
  set(index, facts) {
    const known = this.all.get(index);
    if (known) return Object.assign(known, facts);
    const source = { index, ...facts, pending: new Lines(), at: 0, answered: false, over: "" };
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
    source.reader.feed(bytes, at);
    this.#soon();
  }

  /** Something happened to a source; `time` 0: now, that is after its last line. */
  mark(index, code, text, time = 0) {
    const source = this.get(index);
    source.reader.flush();
    const lines = this.single ? this.#store.live : source.pending;
    const last = lines.count ? lines.time[lines.count - 1] : this.#lastTime();
    this.#store.mark(code, text, index, time || last, lines);
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

  #lastTime() {
    const live = this.#store.live;
    return live.count ? live.time[live.count - 1] : Date.now();
  }

  #soon() {
    if (this.single) return this.#changed();
    if (!this.#timer) this.#timer = setTimeout(() => this.#merge(), WINDOW);
  }

  /** Take over what has waited long enough, the earliest line first. */
  #merge() {
    this.#timer = 0;
    const sources = [...this.all.values()].filter((one) => one.at < one.pending.count);
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
