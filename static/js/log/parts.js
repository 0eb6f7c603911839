/**
 * Parts of a log that are fetched later: older lines, and what a gap left out. A part overlaps with the lines around it;
 * what is there already is left out.
 */
import { FrameReader } from "./frames.js";
import { Lines, MARK } from "./lines.js";

export const PAGE = 10_000; // older lines that are fetched at once
const SPARE = 200; // entries more than asked for: some may have been written meanwhile
const OVERLAP = 2000; // lines in which the overlap is looked for
const NEAR = 5; // ms

export class Parts {
  open = null; // { id, kind, container, source, lines, reader, ... }
  #store;
  #send;
  #id = 0;

  constructor(store, send) {
    this.#store = store;
    this.#send = send;
  }

  /** Fetch lines before the first one of a source: a page, `all`, or those from a time (ms) on. */
  older(source, first, all, from = 0) {
    const tail = all || from ? 0 : source.reader.entries + (source.older || 0) + PAGE + SPARE;
    const since = from ? timeAt(from) : "";
    const until = first ? timeAt(first.lines.time[first.at], 1) : "";
    return this.#begin({ kind: "older", source, tail, since, until, first });
  }

  /** Fetch what is missing between two lines. */
  gap(source, before, after) {
    const since = before ? timeAt(before.lines.time[before.at], -1) : "";
    const until = after ? timeAt(after.lines.time[after.at], 1) : "";
    return this.#begin({ kind: "gap", source, since, until, before, after });
  }

  #begin(part) {
    if (this.open) return false;
    const id = (this.#id += 1);
    const lines = new Lines();
    const reader = new FrameReader(this.#store.blocks, { live: lines }, part.source.index);
    this.open = { id, lines, reader, ...part };
    return this.#ask();
  }

  /** Ask anew, after a lost connection. */
  again() {
    if (!this.open) return;
    this.open.lines.truncate(0);
    this.open.reader.forget();
    this.#ask();
  }

  #ask() {
    const { id, source, tail, since, until } = this.open;
    const args = new URLSearchParams({ container: source.container, part: id });
    for (const [name, value] of Object.entries({ tail, since, until })) if (value) args.set(name, value);
    return this.#send({ type: "stream.open", topic: "log-part", args: args.toString() });
  }

  feed(id, bytes, at) {
    if (this.open?.id === id) this.open.reader.feed(bytes, at);
  }

  /** The part is whole. Returns it without what is there already. */
  finish(id) {
    if (this.open?.id !== id) return null;
    const part = this.open;
    this.open = null;
    part.reader.flush();
    if (part.kind === "gap" && part.before) part.lines = this.#withoutHead(part);
    const next = part.kind === "gap" ? part.after : part.first;
    part.early = !reaches(part.lines, next);
    if (next) part.lines.truncate(this.#overlap(part.lines, next));
    return part;
  }

  /** Return where in a part the lines begin that are there already. */
  #overlap(lines, next) {
    const wanted = this.#text(next);
    let found = lines.count;
    for (let at = lines.count - 1; at >= Math.max(0, lines.count - OVERLAP); at -= 1) {
      if (lines.time[at] < next.lines.time[next.at] - NEAR) break;
      const same = lines.time[at] === next.lines.time[next.at] && this.#text({ lines, at }).endsWith(wanted);
      if (same) found = at; // the beginning of a long line may have been missing
    }
    return found;
  }

  #withoutHead(part) {
    const { lines, before } = part;
    const wanted = this.#text(before);
    const time = before.lines.time[before.at];
    let from = 0;
    for (let at = 0; at < Math.min(lines.count, OVERLAP); at += 1) {
      if (lines.time[at] > time) break;
      if (lines.time[at] < time || this.#text({ lines, at }) === wanted) from = at + 1;
    }
    return lines.slice(from, lines.count);
  }

  #text({ lines, at }) {
    return lines.stream(at) === MARK ? "" : this.#store.text(lines, at);
  }
}

/** Return whether lines go up to the line that follows them: a lost host just ends them. */
function reaches(lines, next) {
  return !next || !lines.count || lines.time[lines.count - 1] >= next.lines.time[next.at];
}

/** Return ms as an engine writes times, moved by some microseconds. */
export function timeAt(ms, microseconds = 0) {
  const micros = Math.round(ms * 1000) + microseconds;
  const seconds = Math.floor(micros / 1e6);
  const rest = String(micros - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${rest}Z`;
}
