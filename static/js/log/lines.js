/**
 * Lines of a log by number: where each one's bytes are, in typed arrays. A million lines cost their bytes
 * and 24 MB.
 */
export const MARK = 0;
/** What marks say of the view as a whole, or of a container that they name by themselves. */
export const OF_VIEW = new Set(["filter", "unfiltered", "more", "joined", "left", "recreated", "edge"]);
export const OUT = 1;
export const ERR = 2;
export const STREAM = 3; // the bits of `meta` that say which it is

const FIRST = 4096;
const COLUMNS = ["block", "start", "length", "time", "meta"];

export class Lines {
  count = 0;
  marks = 0; // of them
  #room = 0;

  constructor() {
    this.#grow(FIRST);
  }

  /** Add a line: bytes `start` to `start + length` of a block; `time` in ms, `stream` and `source` small numbers. */
  push(block, start, length, time, stream, source) {
    if (this.count === this.#room) this.#grow(Math.max(FIRST, Math.ceil(this.#room * 1.6)));
    const at = this.count;
    this.block[at] = block;
    this.start[at] = start;
    this.length[at] = length;
    this.time[at] = time;
    this.meta[at] = stream | (source << 8);
    this.count = at + 1;
    if (stream === MARK) this.marks += 1;
  }

  stream(at) {
    return this.meta[at] & STREAM;
  }

  source(at) {
    return this.meta[at] >>> 8;
  }

  /** Take over line `at` of others. */
  take(others, at) {
    this.push(others.block[at], others.start[at], others.length[at], others.time[at], others.stream(at), others.source(at));
  }

  /** Return lines `from` to `to` as others of their own. */
  slice(from, to) {
    const part = new Lines();
    for (const column of COLUMNS) part[column] = this[column].slice(from, to);
    part.#room = part.count = to - from;
    for (let at = 0; at < part.count; at += 1) if (part.stream(at) === MARK) part.marks += 1;
    return part;
  }

  /** Forget the first `gone` lines, in place. */
  shift(gone) {
    for (let at = 0; at < gone; at += 1) if (this.stream(at) === MARK) this.marks -= 1;
    for (const column of COLUMNS) this[column].copyWithin(0, gone, this.count);
    this.count -= gone;
  }

  /** Forget all lines from `count` on. */
  truncate(count) {
    this.count = count;
  }

  #grow(room) {
    const wider = (Kind, old) => {
      const made = new Kind(room);
      if (old) made.set(old);
      return made;
    };
    this.block = wider(Uint32Array, this.block);
    this.start = wider(Uint32Array, this.start);
    this.length = wider(Uint32Array, this.length);
    this.time = wider(Float64Array, this.time);
    this.meta = wider(Uint32Array, this.meta);
    this.#room = room;
  }
}
