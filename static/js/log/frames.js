/**
 * From an engine's frames to lines: 1 byte stream, 3 zero, 4 length, then a time, a blank and the text.
 *
 * Long lines come in several frames, the last of which has the line's end. Nothing is decoded here.
 */
import { ERR, OUT } from "./lines.js";

const HEADER = 8;
const NEWLINE = 10;
const RETURN = 13;
const BLANK = 32;
const FIXED = 30; // letters of a time as Docker writes it: 2026-01-02T03:04:05.123456789Z
const MOST_STREAM = 2; // a higher one is the engine's complaint, or no log
const FRAME_LIMIT = 4 * 1024 * 1024;
const LINE_LIMIT = 1024 * 1024; // bytes; what is longer goes on as another line
const COMPLAINT = 500; // bytes
const decoder = new TextDecoder();

const two = (bytes, at) => (bytes[at] - 48) * 10 + bytes[at + 1] - 48;

const three = (bytes, at) => (bytes[at] - 48) * 100 + two(bytes, at + 1);

export class FrameReader {
  entries = 0; // frames, as the engine counts its `tail`
  last = null; // { at, same }: the time of the last whole line, and how many frames had it
  complaint = ""; // what came instead of lines
  #torn = null; // the beginning of a frame whose rest comes with the next bytes
  #blocks;
  #target;
  #source;
  #open = { [OUT]: null, [ERR]: null };
  #day = -1; // the date of the last time as a number, and its beginning in ms
  #midnight = 0;
  #second = 0; // of the frame that is read: ms without a fraction, and the fraction in ns
  #nanos = 0;
  #words = ""; // the time as written, where it is not of the fixed form
  #place = { second: 0, nanos: -1, words: "", same: 0 };

  /** Lines go to `target.live`, whatever that is when they come. */
  constructor(blocks, target, source) {
    this.#blocks = blocks;
    this.#target = target;
    this.#source = source;
  }

  /** Read frames, which begin at `at`; the last one may be torn. */
  feed(bytes, at) {
    if (this.complaint) return;
    if (this.#torn) [bytes, at] = [joined([this.#torn, bytes.subarray(at)]), 0];
    const block = this.#blocks.add(bytes);
    const end = bytes.length;
    while (at + HEADER <= end) {
      const size = bytes[at + 4] * 0x1000000 + (bytes[at + 5] << 16) + (bytes[at + 6] << 8) + bytes[at + 7];
      const stop = at + HEADER + size;
      if (stop > end && size <= FRAME_LIMIT) break;
      if (bytes[at] > MOST_STREAM || size > FRAME_LIMIT) return this.#complain(bytes.subarray(at + HEADER, stop));
      this.#frame(block, bytes, at + HEADER, stop, bytes[at] === ERR ? ERR : OUT);
      at = stop;
    }
    this.#torn = at < end ? bytes.slice(at) : null;
    if (this.#place.same) this.last = { at: this.#written(), same: this.#place.same };
  }

  /** What has no end yet will get none: a gap, or the end of the container's life. */
  flush() {
    for (const stream of [OUT, ERR]) if (this.#open[stream]) this.#finish(stream);
  }

  /** Forget what has no end yet: it comes again. */
  forget() {
    this.#torn = null;
    this.complaint = "";
    this.#open = { [OUT]: null, [ERR]: null };
  }

  #complain(bytes) {
    this.complaint = decoder.decode(bytes.subarray(0, COMPLAINT)).trim() || "?";
  }

  #frame(block, bytes, from, stop, stream) {
    this.entries += 1;
    const text = this.#time(bytes, from, stop);
    const time = this.#second + this.#nanos / 1e6;
    const whole = stop > text && bytes[stop - 1] === NEWLINE;
    const open = this.#open[stream];
    if (whole && !open) {
      const end = stop > text + 1 && bytes[stop - 2] === RETURN ? stop - 2 : stop - 1;
      this.#target.live.push(block, text, end - text, time, stream, this.#source);
    } else this.#extend(stream, bytes.subarray(text, whole ? stop - 1 : stop), time, whole);
    if (whole) this.#mark();
  }

  /** Read the time that a frame begins with. Returns where its text begins. */
  #time(bytes, from, stop) {
    if (stop - from >= FIXED && bytes[from + 10] === 84 && bytes[from + 29] === 90 && bytes[from + 19] === 46) {
      const day = (two(bytes, from + 2) * 100 + two(bytes, from + 5)) * 100 + two(bytes, from + 8);
      if (day !== this.#day) this.#setDay(day, bytes, from);
      this.#second = this.#midnight + (two(bytes, from + 11) * 3600 + two(bytes, from + 14) * 60 + two(bytes, from + 17)) * 1000;
      this.#nanos = three(bytes, from + 20) * 1_000_000 + three(bytes, from + 23) * 1000 + three(bytes, from + 26);
      this.#words = "";
      return from + (bytes[from + 30] === BLANK ? FIXED + 1 : FIXED);
    }
    return this.#slowTime(bytes, from, stop);
  }

  #setDay(day, bytes, from) {
    this.#day = day;
    this.#midnight = Date.parse(`${decoder.decode(bytes.subarray(from, from + 10))}T00:00:00Z`);
  }

  /** Times of other engines: fewer digits, other zones. */
  #slowTime(bytes, from, stop) {
    const space = bytes.indexOf(BLANK, from);
    const end = space > from && space < stop ? space : stop;
    if (end - from > 40 || end - from < 20 || bytes[from + 10] !== 84) {
      this.#words = "";
      return from;
    }
    const words = decoder.decode(bytes.subarray(from, end)).trimEnd();
    const found = Date.parse(words.replace(/(\.\d{3})\d+/, "$1"));
    if (Number.isNaN(found)) return from;
    this.#second = Math.floor(found / 1000) * 1000;
    this.#nanos = Number(`${/\.(\d+)/.exec(words)?.[1] || 0}`.padEnd(9, "0").slice(0, 9));
    this.#words = words;
    return Math.min(end + 1, stop);
  }

  #mark() {
    const place = this.#place;
    if (place.nanos === this.#nanos && place.second === this.#second) place.same += 1;
    else {
      place.second = this.#second;
      place.nanos = this.#nanos;
      place.same = 1;
    }
    place.words = this.#words;
  }

  #written() {
    const { second, nanos, words } = this.#place;
    if (words) return words;
    return `${new Date(second).toISOString().slice(0, 19)}.${String(nanos).padStart(9, "0")}Z`;
  }

  #extend(stream, piece, time, whole) {
    const open = (this.#open[stream] ??= { pieces: [], size: 0, time });
    open.time = time; // of its last piece: that one is known also when the beginning is not
    open.pieces.push(piece);
    open.size += piece.length;
    if (whole || open.size > LINE_LIMIT) this.#finish(stream);
  }

  #finish(stream) {
    const { pieces, size, time } = this.#open[stream];
    this.#open[stream] = null;
    const text = joined(pieces);
    const end = size && text[size - 1] === RETURN ? size - 1 : size;
    this.#target.live.push(this.#blocks.add(text), 0, end, time, stream, this.#source);
  }
}

function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
