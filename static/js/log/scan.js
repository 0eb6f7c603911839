/**
 * Goes over all lines in slices of a few milliseconds, and lists those that match: the lines of a filter, or the hits
 * of a search. New lines go through it as they come.
 */
import { levelOf, goesOn } from "./fields.js";
import { ERR, MARK, OF_VIEW } from "./lines.js";
import { plain } from "./text.js";

const BATCH = 2000;
const GROUP = 500; // lines of a stack trace that stay together
const channel = new MessageChannel();
const turns = [];
channel.port1.onmessage = () => turns.shift()();
/** Let others have their turn. */
export const turn = () => new Promise((resolve) => { turns.push(resolve); channel.port2.postMessage(0); });

/** A growing list of line numbers. */
export class Numbers {
  numbers = new Uint32Array(1024);
  count = 0;

  push(number) {
    if (this.count === this.numbers.length) {
      const wider = new Uint32Array(this.count * 2);
      wider.set(this.numbers);
      this.numbers = wider;
    }
    this.numbers[this.count++] = number;
  }

  /** Return the first place whose number is at least `wanted`. */
  from(wanted) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numbers[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The numbers of lines have changed: `moved` gives the new one of an old one. */
  move(moved) {
    let kept = 0;
    for (let at = 0; at < this.count; at += 1) {
      const now = moved(this.numbers[at]);
      if (now >= 0) this.numbers[kept++] = now; // else it went
    }
    this.count = kept;
  }
}

export class Scan {
  list = new Numbers();
  at = 0; // rows that were looked at
  question;
  #store;
  #rows; // { count, line(row) }: what is gone over
  #expression;
  #wanted; // { levels, streams, sources, since, until, together, marks }
  #changed;
  #running = false;
  #stopped = false;
  #group = { start: 0, matched: false, text: "", level: "", known: false };

  constructor(store, rows, expression, wanted, changed) {
    this.#store = store;
    this.#rows = rows;
    this.#expression = expression;
    this.#wanted = this.question = wanted;
    this.#changed = changed;
  }

  /** Whether everything there is was looked at. */
  get done() {
    return this.at >= this.#rows.count;
  }

  stop() {
    this.#stopped = true;
    this.#expression?.stop();
  }

  /** Look at what is new. Rejects with what the expression throws. */
  async run() {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    try {
      while (!this.#stopped && !this.done) {
        await this.#batch(this.at, Math.min(this.at + BATCH, this.#rows.count));
        if (this.#stopped) return;
        this.#changed();
        await turn();
      }
    } finally {
      this.#running = false;
    }
  }

  async #batch(from, to) {
    const rows = [];
    const texts = [];
    for (let row = from; row < to; row += 1) {
      const number = this.#rows.line(row);
      const [lines, at] = this.#store.locate(number);
      const isMark = lines.stream(at) === MARK;
      const text = isMark ? "" : plain(this.#store.text(lines, at));
      rows.push({ number, isMark, passes: this.#passes(lines, at, text, isMark), text });
      texts.push(text);
    }
    const mask = this.#expression ? await this.#expression.mask(texts) : null;
    if (this.#stopped) return;
    for (let n = 0; n < rows.length; n += 1) this.#take(rows[n], !mask || mask[n] === 1);
    this.at = to;
  }

  #passes(lines, at, text, isMark) {
    const { levels, streams, sources, since, until } = this.#wanted;
    if (isMark) return Boolean(this.#wanted.marks) && this.#concerns(lines, at, sources);
    if (streams && !streams.includes(lines.stream(at) === ERR ? "stderr" : "stdout")) return false;
    if (sources && !sources.includes(lines.source(at))) return false;
    if (since && lines.time[at] < since) return false;
    if (until && lines.time[at] > until) return false;
    if (!levels) return true;
    const own = levelOf(text);
    if (!own && this.#group.known && goesOn(text, this.#group.text)) return levels.includes(this.#group.level);
    this.#group.level = own;
    this.#group.known = true;
    this.#group.text = text;
    return levels.includes(own);
  }

  /** Whether a mark says something of what is shown. */
  #concerns(lines, at, sources) {
    return !sources || sources.includes(lines.source(at)) || OF_VIEW.has(this.#store.said(lines, at).code);
  }

  /** List a line that matches, and the rest of its stack trace with it. */
  #take({ number, isMark, passes, text }, matches) {
    const wanted = passes && (isMark || matches);
    const group = this.#group;
    if (!this.#wanted.together || isMark) {
      if (wanted) this.list.push(number);
      return;
    }
    const follows = group.last !== undefined && goesOn(text, group.last) && number - group.start < GROUP;
    if (!follows) {
      group.start = number;
      group.matched = false;
    }
    group.last = text;
    if (group.matched) this.list.push(number);
    else if (wanted) {
      for (let one = group.start; one <= number; one += 1) this.list.push(one);
      group.matched = true;
    }
  }
}
