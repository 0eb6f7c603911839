/**
 * How far back a view has all lines of each source, and the edge: where it stops having those of all of them that are
 * shown. What stands above the edge is shown, and a mark says that it is not everything.
 */
import { Lines, MARK } from "./lines.js";
import { mergeInto } from "./merge.js";
import { both, removed } from "./moves.js";

const NAMED = 3; // sources that the mark names
const same = (number) => number;

/** Return the spoken line at `number` as what is known of it, also when it has gone. */
export function lineAt(store, number) {
  const [lines, at] = store.locate(number);
  return { number, time: lines.time[at], text: store.text(lines, at), source: lines.source(at) };
}

export class Reach {
  #store;
  #sources;
  #words = { edge: "", others: "" };
  #edge = -1; // the number of the mark
  #missing = "";
  #known = ""; // what the edge was last put by

  constructor({ store, sources }) {
    this.#store = store;
    this.#sources = sources;
  }

  say(words) {
    this.#words = words;
    this.#known = "";
  }

  /** Of whom lines are missing above the edge, in words. */
  get missing() {
    return this.#missing;
  }

  /** The number of the mark, -1 for none. */
  get edge() {
    return this.#edge;
  }

  /** The numbers of lines have changed. */
  moved(moved) {
    if (this.#edge >= 0) this.#edge = moved(this.#edge);
  }

  /** Whether there is nothing older of any source that is shown. */
  get whole() {
    const { shown } = this.#sources;
    return shown.length > 0 && shown.every((source) => source.whole || source.barred);
  }

  /** Whether there is nothing older, as far as is known without asking. */
  get seemsWhole() {
    const { shown } = this.#sources;
    return shown.length > 0 && shown.every((source) => source.whole || source.barred || isSmall(source));
  }

  /** Whether all lines from a time (ms) on are there, as far as is known without asking; 0: all there are. */
  reaches(at) {
    if (this.seemsWhole) return true;
    const { shown } = this.#sources;
    if (!at || !shown.length) return false;
    const firsts = this.firsts();
    return shown.every((source) => this.from(source, firsts) <= at || !isOpen(source));
  }

  /** Return the first line of each source: index -> line. */
  firsts() {
    const found = new Map();
    const wanted = [...this.#sources.all.values()].filter((source) => source.there).length;
    let number = 0;
    for (const lines of this.#store.segments) {
      for (let at = 0; at < lines.count && found.size < wanted; at += 1, number += 1) {
        if (lines.stream(at) === MARK || found.has(lines.source(at))) continue;
        found.set(lines.source(at), lineAt(this.#store, number));
      }
    }
    return found;
  }

  /** Return the time from which on all lines of a source are there. */
  from(source, firsts) {
    return source.since ?? firsts.get(source.index)?.time ?? Infinity;
  }

  /** Take note that the first `gone` lines will go. */
  trim(gone) {
    if (gone >= this.#store.count) return;
    const firsts = this.firsts();
    const [lines, at] = this.#store.locate(gone);
    const time = lines.time[at];
    for (const source of this.#sources.all.values()) {
      const from = this.from(source, firsts);
      if (from < time && Number.isFinite(from)) Object.assign(source, { whole: false, trimmed: true, since: time });
    }
    this.#note(gone);
  }

  /** Count what goes: as much is to be fetched again. */
  #note(gone) {
    let number = 0;
    for (const lines of this.#store.segments) {
      for (let at = 0; at < lines.count && number < gone; at += 1, number += 1) {
        if (lines.stream(at) !== MARK) this.#sources.get(lines.source(at)).older -= 1;
      }
    }
  }

  /** Whether the edge may belong somewhere else now. */
  get stale() {
    return this.#state() !== this.#known;
  }

  /** Put the edge where it belongs now. Returns how the numbers of lines change, null when they do not. */
  put() {
    this.#known = this.#state();
    const open = this.#sources.shown.filter(isOpen);
    const old = this.#edge;
    const off = old < 0 ? same : removed(old);
    if (old >= 0) this.#store.remove(old);
    this.#edge = -1;
    const number = open.length && !this.#sources.single ? this.#place(open) : 0;
    if (!number) return old < 0 ? null : off;
    const [lines, at] = this.#store.locate(number);
    const mark = new Lines();
    this.#missing = this.#names(open);
    const text = this.#words.edge.replace("{names}", this.#missing);
    this.#store.mark("edge", text, 0, lines.time[at], mark);
    this.#edge = number;
    return both(off, mergeInto(this.#store, number, number, mark));
  }

  #state() {
    return this.#sources.shown.map((source) => `${source.index}:${isOpen(source) ? (source.since ?? 1) : 0}`).join();
  }

  /** Return the number of the first line from which on all are there, 0 when nothing was said before it. */
  #place(open) {
    const firsts = this.firsts();
    const from = Math.max(...open.map((source) => this.from(source, firsts)).filter(Number.isFinite));
    const shown = new Set(this.#sources.shown.map(({ index }) => index));
    let [spoken, number] = [0, 0];
    for (const lines of this.#store.segments) {
      for (let at = 0; at < lines.count; at += 1, number += 1) {
        if (lines.stream(at) === MARK || !shown.has(lines.source(at))) continue;
        if (lines.time[at] >= from) return spoken ? number : 0;
        spoken += 1;
      }
    }
    return 0;
  }

  #names(open) {
    const names = open.slice(0, NAMED).map((source) => source.name).join(", ");
    const more = open.length - NAMED;
    return more > 0 ? `${names}${this.#words.others.replace("{n}", more)}` : names;
  }
}

/** Whether a source has older lines than those that are there, as far as is known without asking. */
export function isOpen(source) {
  return !source.whole && !source.barred && !isSmall(source) && Boolean(source.there);
}

/** Whether so little has come of a source that it must be all: an engine was asked for more. */
function isSmall(source) {
  if (source.trimmed || source.skipped || source.more) return false;
  return source.small || source.reader.entries + source.marks < source.tail;
}
