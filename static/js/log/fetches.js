/**
 * Fetches what a view does not have yet: older lines, those from a time on, and what a gap left out. Of several sources
 * one part after the other is fetched, and put in when all are there.
 */
import { PAGE, tailOf, timeAt, untilAt } from "./asking.js";
import { Gaps } from "./gaps.js";
import { Later } from "./later.js";
import { mergeInto, mergedAll } from "./merge.js";
import { Paced } from "./paced.js";
import { Parts } from "./parts.js";
import { isOpen } from "./reach.js";

const FEWEST = 1000; // of them, of one of several sources
const LEAST = { lines: 1000, bytes: 1024 * 1024 }; // to have room for; less is none
const NAMED = 3; // problems that are told

export class Fetches {
  full = false; // there is no room for more
  #log; // { store, rows, sources, reach, post }
  #paced;
  #parts;
  #gaps;
  #change; // (work): does work that puts lines in and returns how their numbers change
  #words = {};
  #job = null;
  #later;

  constructor(log, send, change) {
    this.#log = log;
    this.#change = change;
    this.#paced = new Paced(send);
    this.#parts = new Parts(log.store, (message) => this.#paced.send(message));
    this.#gaps = new Gaps(log, change);
    this.#later = new Later(log, () => !this.#job);
  }

  say(words) {
    this.#words = words;
  }

  /** What the page is told: how many lines have come of what is fetched now, -1 when nothing is, and of whom. */
  get facts() {
    const job = this.#job;
    const { full } = this;
    const { whole, seemsWhole } = this.#log.reach;
    if (!job) return { loading: -1, whole, seemsWhole, full };
    const loading = job.parts.reduce((sum, part) => sum + part.lines.count, this.#parts.came);
    const all = job.asked.size + job.left;
    const of = all > 1 ? { name: this.#parts.open?.source.name, at: job.asked.size, all } : null;
    return { loading, whole, seemsWhole, full, of };
  }

  feed(id, bytes, at) {
    if (!this.#parts.feed(id, bytes, at)) return;
    this.#parts.stop();
    this.ended(id, "");
  }

  /** Ask anew, after a lost connection. */
  again() {
    this.#paced.again();
    this.#parts.again();
  }

  /** Lines have come: do what somebody wanted before there were any. */
  came() {
    this.#later.came();
  }

  /** Whether nothing is fetched now. */
  get idle() {
    return !this.#job;
  }

  /** Lines went: there is room again, and what is fetched now is not wanted. */
  drop() {
    this.full = false;
    const { id } = this.#parts.open || {};
    if (!id) return;
    this.#parts.stop();
    for (const { blocks } of [this.#parts.drop(id), ...this.#job.parts]) this.#log.store.blocks.release(blocks);
    this.#job = null;
  }

  /** Stop fetching; what has come is kept where it is whole. */
  cancel() {
    const id = this.#parts.open?.id;
    if (!id) return;
    this.#parts.drop(id);
    this.#parts.stop();
    this.#finish();
  }

  // --- What is wanted -------------------------------------------------------------------------

  /** Fetch a page of older lines, or `all` of them. Returns whether that began. */
  older(all) {
    if (this.#job || this.#later.waiting || this.#log.reach.whole) return false;
    return this.#begin({ kind: all ? "all" : "page" });
  }

  /** Fetch all as soon as there is something. */
  allLater() {
    this.#later.wait(() => this.older(true));
  }

  /** Go to the first line of a time (ms) or later; fetches what is older than what is here. */
  toTime(at) {
    this.#later.wait(() => {
      if (!this.#begin({ kind: "time", at })) this.#tellTime(at);
    });
  }

  /** Fetch what is older than what is here, from a time (ms) on, as soon as there is something. */
  from(at) {
    this.#later.wait(() => this.#begin({ kind: "time", at, stays: true }));
  }

  /** Fetch what the mark at line `number` says is missing. */
  fill(number) {
    if (this.#job) return;
    const wanted = this.#gaps.wanted(number);
    if (!wanted) return;
    const { source, ...part } = wanted;
    const room = this.#room(made(), 1);
    if (part.older) this.toTime(part.older);
    else if (room) this.#ask({ ...made(), kind: "gap", asked: new Set([source]) }, source, { room, ...part });
    else this.#tell(this.#words.full);
  }

  // --- One part after the other ---------------------------------------------------------------

  #begin(job) {
    this.#job = { ...made(), ...job };
    if (this.#next()) return true;
    if (this.#job.full) this.#tell(this.#words.full);
    this.#job = null;
    return false;
  }

  /** Ask for the next part. Returns whether there is one. */
  #next() {
    const job = this.#job;
    const firsts = this.#log.reach.firsts();
    const { source, left } = this.#choose(job, firsts);
    if (!source) return false;
    const room = this.#room(job, left);
    if (!room) {
      job.full = this.full = true;
      return false;
    }
    job.left = left - 1;
    job.asked.add(source);
    this.#ask(job, source, { room, ...this.#wanted(job, source, firsts.get(source.index)) });
    return true;
  }

  /** Return whose lines are fetched next, and how many sources are left: whoever reaches least far back comes first. */
  #choose(job, firsts) {
    const { kind, at, asked, reached } = job;
    const { sources, reach } = this.#log;
    const all = sources.shown.filter((one) => !one.whole && !one.barred && !asked.has(one));
    const open = all.filter(isOpen);
    if (!asked.size) job.small = kind === "page" && !open.length;
    const some = kind === "all" || sources.single || job.small ? all : open;
    const from = (source) => reach.from(source, firsts);
    const there = some.filter((source) => Number.isFinite(from(source)) || (kind === "all" && sources.single));
    const wanted = kind === "time" ? there.filter((source) => from(source) > at) : there;
    wanted.sort((a, b) => from(b) - from(a));
    const [source] = wanted;
    // A page ends where those that were fetched reach least far back: the others reach further.
    if (!source || (kind === "page" && asked.size && from(source) <= reached)) return { source: null, left: 0 };
    return { source, left: kind === "page" ? 1 : wanted.length };
  }

  /** Return how much a part may bring, null for nothing: what is left, shared by all whose whole logs are fetched. */
  #room({ kind, parts }, left) {
    const { lines, bytes } = this.#log.store.room;
    const held = parts.reduce((sum, part) => sum + part.lines.count, 0);
    const share = kind === "all" ? left : 1;
    const room = { lines: (lines - held) / share, bytes: bytes / share };
    return room.lines < LEAST.lines / share || room.bytes < LEAST.bytes / share ? null : room;
  }

  #wanted({ kind, at }, source, first) {
    const page = Math.max(FEWEST, Math.ceil(PAGE / this.#log.sources.shown.length));
    const until = first ? untilAt(first.time) : source.since ? untilAt(source.since) : "";
    const before = { live: source.reader.entries, page, until, after: first };
    if (kind === "time") return { ...before, since: timeAt(at) };
    return { ...before, tail: kind === "page" ? tailOf(source, page) : 0 };
  }

  #ask(job, source, part) {
    this.#job = job;
    this.#parts.begin({ source, ...part });
  }

  /** A part is whole, or there is a problem with it. */
  ended(id, problem) {
    if (this.#parts.open?.id !== id) return;
    const { peek } = this.#parts.open;
    const why = problem || this.#parts.open.reader.complaint;
    const part = why ? this.#parts.drop(id) : this.#parts.finish(id);
    if (peek) this.#peeked(part, why);
    else if (why || part.early) this.#failed(part, why || this.#words.early);
    else if (this.#job.kind === "gap") return this.#putGap(part);
    else if (this.#took(part)) return undefined;
    return this.#go();
  }

  /** What is fetched may not be read. */
  refused(text) {
    const { open } = this.#parts;
    if (!open) return;
    open.source.barred = !this.#log.sources.single;
    this.ended(open.id, text);
  }

  #go() {
    const { kind } = this.#job;
    if (kind === "gap" || !this.#next()) this.#finish();
    return undefined;
  }

  #failed({ source, blocks }, problem) {
    this.#log.store.blocks.release(blocks);
    if (source.over) source.barred = !this.#log.sources.single;
    const several = !this.#log.sources.single;
    this.#job.problems.push(several ? `${source.name}: ${problem}` : problem);
  }

  /** Take a part with older lines. Returns whether one more look is needed: is this the beginning of the log? */
  #took(part) {
    const { source, lines, page, live, cut, reader } = part;
    const job = this.#job;
    job.parts.push(part);
    source.older += cut ? lines.count : reader.entries;
    if (cut) job.full = this.full = true;
    if (lines.count) source.since = lines.time[0];
    if (job.kind === "all" && !cut) source.whole = true;
    if (job.kind === "time" && !cut) source.since = job.at;
    if (job.kind === "page" && reader.entries < page) {
      if (source.reader.entries !== live || source.uncounted) return this.#peek(part);
      source.whole = true;
    }
    this.#reached(source);
    return false;
  }

  #reached(source) {
    const { reach } = this.#log;
    if (!source.whole) this.#job.reached = Math.max(this.#job.reached, reach.from(source, reach.firsts()));
  }

  /** So few lines came while more were written that there may be others: look at the oldest line of all. */
  #peek({ source, page }) {
    const time = this.#log.reach.from(source, this.#log.reach.firsts());
    this.#parts.begin({ source, page, peek: time, until: untilAt(time) });
    return true;
  }

  #peeked({ source, page, peek, lines, blocks }, problem) {
    this.#log.store.blocks.release(blocks);
    if (!problem && (!lines.count || lines.time[0] >= peek)) source.whole = true;
    else source.older += page; // what was asked for was too little: more was written than is known of
    this.#reached(source);
  }

  /** Everything has come: put it in. */
  #finish() {
    const { kind, parts, problems, at, full, stays } = this.#job;
    this.#job = null;
    const { store, reach } = this.#log;
    const some = parts.filter((part) => part.lines.count);
    if (some.length) {
      const firsts = reach.firsts();
      const ends = some.map((part) => firsts.get(part.source.index)?.number ?? 0);
      const added = mergedAll(some.map((part) => part.lines));
      this.#change(() => mergeInto(store, 0, Math.max(...ends), added));
    }
    if (problems.length) this.#tell(problems.slice(0, NAMED).join(" "));
    else if (full) this.#tell(this.#words.full);
    if (kind === "time" && !stays) this.#tellTime(at);
  }

  #putGap(part) {
    this.#job = null;
    const said = this.#gaps.put(part);
    if (said) this.#tell(this.#words[said].replace("{n}", part.found));
  }

  #tell(text) {
    this.#log.post({ type: "problem", text });
    return false;
  }

  #tellTime(at) {
    const { store, rows, post } = this.#log;
    // One after the other: lines of a clock that is slow, or was set back, are not in order.
    let found = 0;
    for (const lines of store.segments) {
      const from = lines.time.subarray(0, lines.count).findIndex((time) => time >= at);
      found += from < 0 ? lines.count : from;
      if (from >= 0) break;
    }
    const number = Math.min(found, Math.max(0, store.count - 1));
    post({ type: "place", number, unit: rows.top(rows.row(number)) });
  }
}

function made() {
  return { parts: [], problems: [], asked: new Set(), left: 0, reached: -Infinity, full: false };
}
