/**
 * All lines that a view holds, in order: segments that each only grow at their end. Parts that were fetched
 * later (older lines, what a gap had left out) are segments between the others.
 */
import { Blocks } from "./blocks.js";
import { Lines, MARK } from "./lines.js";
import { allRemoved } from "./moves.js";
import { textOf } from "./text.js";

const MOST_LINES = 2_000_000;
const MOST_BYTES = 320 * 1024 * 1024;
const SHARE = 0.1; // of all lines, that is let go of at once
const SPARE = 0.05; // of all, that is not filled with what is fetched
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Store {
  blocks = new Blocks();
  segments = [new Lines()];

  /** Where new lines go. */
  get live() {
    return this.segments[this.segments.length - 1];
  }

  get count() {
    let count = 0;
    for (const lines of this.segments) count += lines.count;
    return count;
  }

  /** How many lines a log said: all but the marks between them. */
  get spoken() {
    return this.segments.reduce((sum, lines) => sum + lines.count - lines.marks, 0);
  }

  /** Return `[lines, at]` for a line's number. */
  locate(number) {
    for (const lines of this.segments) {
      if (number < lines.count) return [lines, number];
      number -= lines.count;
    }
    return [null, 0];
  }

  /**
   * Add a mark: something that happened, told among the lines; `span`: two times between which the engine may have more.
   * Returns the number of its block, which no other line has.
   */
  mark(code, text, source, time, lines = this.live, span = []) {
    const bytes = encoder.encode(`${[code, ...span].join(" ")}\n${text}`);
    const block = this.blocks.add(bytes);
    lines.push(block, 0, bytes.length, time, MARK, source);
    return block;
  }

  /** Return the number of the mark with a block, -1 when it is gone. */
  numberOf(block) {
    let before = 0;
    for (const lines of this.segments) {
      for (let at = 0; lines.marks && at < lines.count; at += 1) {
        if (lines.block[at] === block && lines.stream(at) === MARK) return before + at;
      }
      before += lines.count;
    }
    return -1;
  }

  /** Return the bytes of a line's text. */
  bytes(lines, at) {
    const start = lines.start[at];
    return this.blocks.get(lines.block[at]).subarray(start, start + lines.length[at]);
  }

  text(lines, at) {
    return textOf(this.bytes(lines, at));
  }

  /** Return a mark's code, text and span. */
  said(lines, at) {
    const [head, ...text] = decoder.decode(this.bytes(lines, at)).split("\n");
    const [code, since = "", until = ""] = head.split(" ");
    return { code, text: text.join("\n"), since, until };
  }

  /** Return lines `from` to `to` as others of their own. */
  range(from, to) {
    const found = new Lines();
    this.#within(from, to, (lines, start, stop) => { for (let at = start; at < stop; at += 1) found.take(lines, at); });
    return found;
  }

  /** Put lines in the place of lines `from` to `to`. */
  replace(from, to, added) {
    const before = [];
    const after = [];
    this.#within(0, from, (lines, start, stop) => before.push(part(lines, start, stop)));
    this.#within(to, this.count, (lines, start, stop) => after.push(part(lines, start, stop)));
    if (!after.length) after.push(new Lines()); // what is new does not go among what was fetched
    this.segments = added.count ? [...before, added, ...after] : [...before, ...after];
  }

  /** Take away line `number`. */
  remove(number) {
    this.replace(number, number + 1, new Lines());
  }

  /** Take away lines, by their numbers, which rise. Returns how the numbers change. */
  removeAll(numbers) {
    if (!numbers.length) return (same) => same;
    const kept = new Lines();
    let next = 0;
    let number = 0;
    for (const lines of this.segments) {
      for (let at = 0; at < lines.count; at += 1, number += 1) {
        if (numbers[next] === number) next += 1;
        else kept.take(lines, at);
      }
    }
    this.segments = [kept];
    return allRemoved(numbers);
  }

  #within(from, to, tell) {
    let first = 0;
    for (const lines of this.segments) {
      const [start, stop] = [Math.max(0, from - first), Math.min(lines.count, to - first)];
      if (start < stop) tell(lines, start, stop);
      first += lines.count;
    }
  }

  /** How much there is room for, with some to spare: what comes meanwhile must not let go of the oldest. */
  get room() {
    return { lines: MOST_LINES * (1 - SPARE) - this.count, bytes: MOST_BYTES * (1 - SPARE) - this.blocks.bytes };
  }

  /** Whether there are more lines, or bytes of them, than are kept. */
  get crowded() {
    return this.blocks.bytes > MOST_BYTES || this.count > MOST_LINES;
  }

  /** How many lines go at once when there are too many. */
  get tooMany() {
    return Math.ceil(this.count * SHARE);
  }

  /** Let go of the oldest lines; `waiting` are others whose bytes stay. */
  trim(gone, waiting) {
    let left = gone;
    while (left > 0) {
      const first = this.segments[0];
      if (first.count <= left && this.segments.length > 1) {
        left -= first.count;
        this.segments.shift();
      } else {
        this.segments[0] = first.slice(left, first.count);
        left = 0;
      }
    }
    this.#dropBlocks([...this.segments, ...waiting]);
  }

  #dropBlocks(kept) {
    const used = new Set();
    for (const lines of kept) {
      let last = -1;
      for (let at = 0; at < lines.count; at += 1) {
        if (lines.block[at] === last) continue;
        last = lines.block[at];
        used.add(last);
      }
    }
    this.blocks.drop(this.blocks.count - 1, used);
  }
}

/** Return some of these lines: themselves when it is all, as the last ones go on growing. */
function part(lines, start, stop) {
  return start === 0 && stop === lines.count ? lines : lines.slice(start, stop);
}
