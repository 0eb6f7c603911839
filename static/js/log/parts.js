/**
 * Parts of a log that are fetched later: older lines, and what a gap left out. A part overlaps with the lines around it;
 * what is there already is left out. Of one that is larger than there is room for, the newest lines are kept.
 */
import { FrameReader } from "./frames.js";
import { Lines, MARK } from "./lines.js";

const OVERLAP = 2000; // lines in which the overlap is looked for
const NEAR = 5; // ms
const AT_ONCE = 0.1; // of the lines there is room for, that are let go of at once

export class Parts {
  open = null; // { id, source, lines, reader, blocks, cut, ... }
  #store;
  #send;
  #id = 0;

  constructor(store, send) {
    this.#store = store;
    this.#send = send;
  }

  /**
   * Fetch a part of a source's log: the last `tail` entries, those from `since` to `until` (as engines write times). It lies
   * after the line `before` and before the line `after`, and takes no more than `room`. `peek`: its beginning is enough.
   */
  begin(part) {
    this.open = { id: (this.#id += 1), ...part };
    this.#ask();
  }

  /** Ask anew, after a lost connection. */
  again() {
    if (!this.open) return;
    this.#store.blocks.release(this.open.blocks);
    this.#ask();
  }

  #ask() {
    const part = this.open;
    const { blocks } = this.#store;
    const add = (bytes) => {
      part.held += bytes.length;
      return part.blocks[part.blocks.push(blocks.add(bytes)) - 1];
    };
    Object.assign(part, { blocks: [], held: 0, cut: false });
    part.target = { live: new Lines() };
    part.reader = new FrameReader({ add }, part.target, part.source.index);
    const args = new URLSearchParams({ container: part.source.container, part: part.id });
    for (const name of ["tail", "since", "until"]) if (part[name]) args.set(name, part[name]);
    this.#send({ type: "stream.open", topic: "log-part", args: args.toString() });
  }

  /** How many lines have come. */
  get came() {
    return this.open ? this.open.target.live.count : 0;
  }

  /** Frames have come. Returns whether that is enough of it. */
  feed(id, bytes, at) {
    const part = this.open;
    if (part?.id !== id) return false;
    part.reader.feed(bytes, at);
    if (part.room) this.#slim(part);
    return Boolean(part.peek && part.target.live.count);
  }

  /** Let go of the oldest lines of a part that is too large. */
  #slim(part, spare = AT_ONCE) {
    for (;;) {
      const { live } = part.target;
      const most = Math.max(1, Math.floor(part.room.lines));
      if (live.count <= most * (1 + spare) && (part.held <= part.room.bytes || live.count < 2)) return;
      const gone = Math.max(live.count - most, Math.ceil(live.count * AT_ONCE));
      part.target.live = live.slice(gone, live.count);
      part.cut = true;
      this.#forget(part);
    }
  }

  /** Let go of the blocks that no line of a part is in any more. */
  #forget(part) {
    const { live } = part.target;
    const { blocks } = this.#store;
    const used = new Set(live.block.subarray(0, live.count));
    const gone = part.blocks.filter((block) => !used.has(block));
    for (const block of gone) part.held -= blocks.get(block).length;
    blocks.release(gone);
    part.blocks = part.blocks.filter((block) => used.has(block));
  }

  /** The part is whole. Returns it without what is there already; `early`: it does not go up to the line after it. */
  finish(id) {
    const part = this.#close(id);
    if (!part) return null;
    part.reader.flush();
    if (part.room) this.#slim(part, 0);
    part.lines = part.target.live;
    part.early = !reaches(part.lines, part.after);
    if (part.before) part.lines = this.#withoutHead(part);
    if (part.after) part.lines.truncate(this.#overlap(part.lines, part.after));
    return part;
  }

  /** Nothing is wanted of a part, whatever came of it. Returns it. */
  drop(id) {
    const part = this.#close(id);
    if (part) this.#store.blocks.release(part.blocks);
    return part;
  }

  #close(id) {
    if (this.open?.id !== id) return null;
    const part = this.open;
    this.open = null;
    return part;
  }

  /** End the stream: what has come is enough. */
  stop() {
    this.#send({ type: "stream.close", topic: "log-part" });
  }

  /** Return where in a part the lines begin that are there already. */
  #overlap(lines, next) {
    const there = this.#ofItsTime(next);
    let [found, came] = [lines.count, 0];
    for (let at = lines.count - 1; at >= Math.max(0, lines.count - Math.max(OVERLAP, there)); at -= 1) {
      if (lines.time[at] < next.time - NEAR) break;
      if (lines.time[at] !== next.time) continue;
      came += 1;
      if (!this.#text(lines, at).endsWith(next.text)) continue; // the beginning of a long line may have been missing
      found = at;
      if (came === there) break; // Podman has many lines of one time, some of which may say the same
    }
    return found;
  }

  /** Return how many lines of a line's source and time are there, from it on. */
  #ofItsTime({ number, time, source }) {
    let found = 0;
    for (const { count } = this.#store; number < count; number += 1) {
      const [lines, at] = this.#store.locate(number);
      if (lines.stream(at) === MARK || lines.source(at) !== source) continue;
      if (lines.time[at] !== time) break;
      found += 1;
    }
    return found;
  }

  #withoutHead({ lines, before }) {
    let from = 0;
    for (let at = 0; at < Math.min(lines.count, OVERLAP); at += 1) {
      if (lines.time[at] > before.time) break;
      if (lines.time[at] < before.time || this.#text(lines, at) === before.text) from = at + 1;
    }
    return lines.slice(from, lines.count);
  }

  #text(lines, at) {
    return lines.stream(at) === MARK ? "" : this.#store.text(lines, at);
  }
}

/** Return whether lines go up to the line that follows them: a lost host just ends them. */
function reaches(lines, next) {
  return !next || !lines.count || lines.time[lines.count - 1] >= next.time;
}
