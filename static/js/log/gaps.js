/**
 * What is missing in the middle: what a gap left out, and what an engine left out when it rotated its files. A mark stands
 * there, which goes when nothing is missing any more.
 */
import { PAGE, msOf, tailOf, timeAt, untilAt } from "./asking.js";
import { MARK } from "./lines.js";
import { compared } from "./lost.js";
import { mergeInto } from "./merge.js";
import { both, removed } from "./moves.js";
import { lineAt } from "./reach.js";

const FILLED = new Set(["gap", "hole"]);
const COMPARED = new Set(["lost", "unsure"]);

export class Gaps {
  #log;
  #change;

  constructor(log, change) {
    this.#log = log;
    this.#change = change;
  }

  /** Return which part the mark at line `number` is about, null for none; `older`: go to that time (ms), it is above. */
  wanted(number) {
    const { store, sources } = this.#log;
    const [lines, at] = store.locate(number);
    if (!lines || lines.stream(at) !== MARK) return null;
    const { code, since, until } = store.said(lines, at);
    const source = sources.get(lines.source(at));
    const mark = lines.block[at];
    if (FILLED.has(code)) return this.#between(source, number, mark);
    return COMPARED.has(code) && until ? this.#within(source, mark, since, until) : null;
  }

  #between(source, number, mark) {
    const [before, after] = [-1, 1].map((step) => this.#nearest(number + step, step, source.index));
    const tail = before ? 0 : tailOf(source, PAGE);
    const since = before ? timeAt(before.time, -1) : "";
    const until = after ? untilAt(after.time) : "";
    return { source, mark, tail, since, until, before, after };
  }

  #within(source, mark, since, until) {
    const { reach } = this.#log;
    if (reach.from(source, reach.firsts()) > msOf(until)) return { source, older: msOf(since) };
    return { source, mark, since, until, compare: true };
  }

  /** Put in a part that was wanted. Returns what there is to say of it: the name of a sentence, "" for nothing. */
  put(part) {
    return part.compare ? this.#putLost(part) : this.#putBetween(part);
  }

  #putBetween({ mark, before, after, lines, cut }) {
    const { store } = this.#log;
    const number = store.numberOf(mark);
    if (number < 0) return "";
    const from = before ? this.#beside(number, -1, before.source) + 1 : number;
    const to = after ? this.#beside(number, 1, after.source) : number + 1;
    const put = () => mergeInto(store, from, Math.max(from, to), lines);
    this.#change(() => (cut ? put() : both(put(), this.#without(mark))));
    return cut ? "full" : "";
  }

  #putLost(part) {
    const { store } = this.#log;
    const { source, mark, since, until, lines, cut } = part;
    const { missing, reaches, ends, twice } = compared(store, source, lines, msOf(since), msOf(until));
    if (!missing.count && !reaches) return cut ? "full" : "rotated";
    const once = () => store.removeAll(twice);
    const put = () => both(once(), mergeInto(store, 0, store.count, missing));
    this.#change(() => (reaches && ends ? both(put(), this.#without(mark)) : put()));
    part.found = missing.count.toLocaleString();
    if (!ends) return "early";
    if (cut) return "full";
    if (!missing.count) return "nothing";
    return reaches ? "" : "some";
  }

  /** Take a mark away. Returns how the numbers change. */
  #without(mark) {
    const { store } = this.#log;
    const number = store.numberOf(mark);
    if (number < 0) return (same) => same;
    store.remove(number);
    return removed(number);
  }

  #nearest(number, step, source) {
    const found = this.#beside(number, step, source);
    return found < 0 ? null : lineAt(this.#log.store, found);
  }

  /** Return the number of the nearest line of a source that is no mark, from `number` on, one way or the other; or -1. */
  #beside(number, step, source) {
    const { store } = this.#log;
    for (const { count } = store; number >= 0 && number < count; number += step) {
      const [lines, at] = store.locate(number);
      if (lines.stream(at) !== MARK && lines.source(at) === source) return number;
    }
    return -1;
  }
}
