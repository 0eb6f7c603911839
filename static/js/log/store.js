/**
 * All lines that a view holds, in order: segments that each only grow at their end. Parts that were fetched
 * later (older lines, what a gap had left out) are segments between the others.
 */
import { Blocks } from "./blocks.js";
import { Lines, MARK } from "./lines.js";
import { textOf } from "./text.js";

const MOST_LINES = 2_000_000;
const MOST_BYTES = 320 * 1024 * 1024;
const SHARE = 0.1; // of all lines, that is let go of at once
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

  /** Add a mark: something that happened, told among the lines. */
  mark(code, text, source, time, lines = this.live) {
    const bytes = encoder.encode(`${code}\n${text}`);
    lines.push(this.blocks.add(bytes), 0, bytes.length, time, MARK, source);
  }

  /** Return the bytes of a line's text. */
  bytes(lines, at) {
    const start = lines.start[at];
    return this.blocks.get(lines.block[at]).subarray(start, start + lines.length[at]);
  }

  text(lines, at) {
    return textOf(this.bytes(lines, at));
  }

  /** Return a mark's code and text. */
  said(lines, at) {
    const [code, ...text] = decoder.decode(this.bytes(lines, at)).split("\n");
    return { code, text: text.join("\n") };
  }

  /** Put lines before line `number`. */
  insert(number, added) {
    let before = 0;
    for (let at = 0; at < this.segments.length; at += 1) {
      const lines = this.segments[at];
      const offset = number - before;
      if (offset === 0) return void this.segments.splice(at, 0, added);
      if (offset < lines.count) {
        const parts = [lines.slice(0, offset), added, lines.slice(offset, lines.count)];
        return void this.segments.splice(at, 1, ...parts);
      }
      before += lines.count;
    }
    this.segments.splice(this.segments.length, 0, added, new Lines());
  }

  /** Take away line `number`. */
  remove(number) {
    for (let at = 0; at < this.segments.length; at += 1) {
      const lines = this.segments[at];
      if (number >= lines.count) {
        number -= lines.count;
        continue;
      }
      const parts = [lines.slice(0, number), lines.slice(number + 1, lines.count)];
      this.segments.splice(at, 1, ...parts);
      return;
    }
  }

  /** Whether there are more lines, or bytes of them, than are kept. */
  get crowded() {
    return this.blocks.bytes > MOST_BYTES || this.count > MOST_LINES;
  }

  /** How many lines go at once when there are too many. */
  get tooMany() {
    return Math.ceil(this.count * SHARE);
  }

  /** Let go of the oldest lines. */
  trim(gone) {
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
    this.#dropBlocks();
  }

  #dropBlocks() {
    const used = new Set();
    for (const lines of this.segments) {
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
