/**
 * Which lines are shown, as rows, and how high each one is: in units, the height of one row of text. Without
 * wrapping a row is one unit; with it, as many as its columns need.
 */
import { ERR, MARK, STREAM } from "./lines.js";
import { columns, plain, textOf } from "./text.js";

const DATE = 6; // letters: "01-31 "
const YEAR = 5; // letters: "2025-"
export const CUT = 4000; // letters of a line that are drawn

export class Rows {
  #store;
  #chosen = null; // the numbers of the lines that a filter lets through
  #ends = new Uint32Array(0); // units up to the end of each row, as far as they are known
  #known = 0;
  #columns = 0; // of the text, 0: no wrapping
  #narrow = 0;
  #day = 0;
  #year = 0;

  constructor(store) {
    this.#store = store;
  }

  get count() {
    return this.#chosen ? this.#chosen.count : this.#store.count;
  }

  /** Show the lines of `Numbers`, null for all. */
  choose(list) {
    this.#chosen = list;
    this.forget();
  }

  /**
   * Wrap texts at so many `columns`, those from stderr at `narrow`; 0 for not. Lines from before `day` and `year` (ms)
   * have the date before their time.
   */
  wrap({ columns, narrow, day, year }) {
    this.#columns = columns;
    this.#narrow = narrow;
    this.#day = day;
    this.#year = year;
    this.forget();
  }

  /** Heights must be measured anew. */
  forget() {
    this.#known = 0;
  }

  /** Return the number of a row's line. */
  line(row) {
    return this.#chosen ? this.#chosen.numbers[row] : row;
  }

  /** Return the row that shows a line, or the next one after it. */
  row(line) {
    if (!this.#chosen) return Math.min(line, this.count);
    return this.#chosen.from(line);
  }

  get units() {
    if (!this.#columns) return this.count;
    this.#measure();
    return this.#known ? this.#ends[this.#known - 1] : 0;
  }

  /** Return the unit that a row begins with. */
  top(row) {
    if (!this.#columns) return row;
    this.#measure();
    return row > 0 ? this.#ends[Math.min(row, this.#known) - 1] || 0 : 0;
  }

  /** Return the row that a unit belongs to. */
  at(unit) {
    if (!this.#columns) return Math.max(0, Math.min(unit, this.count - 1));
    this.#measure();
    return Math.min(lowest(this.#ends, this.#known, unit + 1), Math.max(0, this.count - 1));
  }

  #measure() {
    const count = this.count;
    if (this.#known >= count) return;
    if (this.#ends.length < count) {
      const wider = new Uint32Array(Math.ceil(count * 1.5) + 1024);
      wider.set(this.#ends.subarray(0, this.#known));
      this.#ends = wider;
    }
    for (let row = this.#known; row < count;) {
      const [lines, at] = this.#store.locate(this.line(row));
      const run = this.#chosen ? 1 : Math.min(lines.count - at, count - row);
      this.#measureRun(lines, at, row, run);
      row += run;
    }
    this.#known = count;
  }

  /** Measure `run` lines from `at` on, which are rows from `row` on. A million of them must take no time. */
  #measureRun(lines, at, row, run) {
    const { block, length, time, meta } = lines;
    const { blocks } = this.#store;
    const ends = this.#ends;
    let end = row ? ends[row - 1] : 0;
    let [last, tabs] = [-1, false];
    for (const stop = at + run; at < stop; at += 1, row += 1) {
      if (block[at] !== last) [last, tabs] = [block[at], blocks.tabs(block[at])];
      const room = this.#room(meta[at] & STREAM, time[at]);
      // No letter but a tab is wider than its bytes are many.
      if ((length[at] <= room && !tabs) || (meta[at] & STREAM) === MARK) end += 1;
      else end += Math.max(1, Math.ceil(Math.min(this.#wide(lines, at), CUT) / room));
      ends[row] = end;
    }
  }

  /** Return how many columns a line from a stream and a time has. */
  #room(stream, time) {
    const date = (time < this.#day ? DATE : 0) + (time < this.#year ? YEAR : 0);
    return Math.max(1, (stream === ERR ? this.#narrow : this.#columns) - date);
  }

  #wide(lines, at) {
    const bytes = this.#store.bytes(lines, at);
    for (let n = 0; n < Math.min(bytes.length, CUT); n += 1) {
      if (bytes[n] < 32 || bytes[n] > 126) return columns(plain(textOf(bytes.subarray(0, CUT * 4))).slice(0, CUT));
    }
    return bytes.length;
  }
}

/** Return the first place in rising numbers whose value is at least `wanted`. */
function lowest(numbers, count, wanted) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
