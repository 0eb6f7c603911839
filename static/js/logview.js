/**
 * Lines on the page: appended in slices and in chunks, trimmed at the top, never more than some
 * thousands. What comes while somebody reads further up, or has paused, waits outside of the page:
 * nothing moves under their eyes.
 */
import { render } from "./ansi.js";

const KEPT = 20000;
const CHUNK = 100;
// A slice, layout included, should take between these; so many lines at most are drawn in one.
const QUICK_MS = 12;
const SLOW_MS = 28;
const FEWEST = 40;
const MOST = 800;
const PASSED_MS = 400;
const CUT = 2000; // letters of a line that are drawn at once
const END_PX = 12;

export class LogView {
  #scroll;
  #lines;
  #words;
  #changed;
  #waiting = [];
  #next = 0; // the first of #waiting that is not drawn
  #chunk = null;
  #fresh = new Set(); // chunks of this slice
  #count = 0; // drawn lines
  #left = 0; // lines that were not kept
  #top = 0;
  #running = false;
  #step = 200;
  #whole = new WeakMap(); // button -> the text of its line
  #second = ["", ""]; // the last second in local time: most lines share it
  following = true;
  paused = false;

  /** `words` are the translated words; `changed` runs when counts or states change. */
  constructor(scroll, lines, words, changed) {
    this.#scroll = scroll;
    this.#lines = lines;
    this.#words = words;
    this.#changed = changed;
    scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroll.addEventListener("wheel", (event) => event.deltaY < 0 && this.#leaveEnd(), { passive: true });
    lines.addEventListener("click", (event) => this.#showWhole(event));
    new ResizeObserver(() => this.#pin()).observe(lines);
    new ResizeObserver(() => this.#pin()).observe(scroll);
  }

  /** How many lines wait to be looked at. */
  get unseen() {
    return this.#waiting.length - this.#next;
  }

  /** True while nothing was ever drawn. */
  get empty() {
    return this.#count === 0 && this.unseen === 0;
  }

  /** Add `[stream, time, text]`s; stream 0 is a mark. */
  add(frames) {
    for (const frame of frames) this.#waiting.push(frame);
    this.#bound();
    this.#go();
  }

  /** Go to the end and stay there. */
  follow() {
    this.paused = false;
    this.following = true;
    this.#go();
    this.#pin();
  }

  /** Hold what comes, wherever the view stands. */
  pause() {
    this.paused = true;
    this.following = false;
    this.#changed();
  }

  /** Take everything away. */
  clear() {
    this.#waiting = [];
    this.#next = this.#count = 0;
    this.#chunk = null;
    this.#lines.replaceChildren();
    this.#changed();
  }

  // --- Drawing ------------------------------------------------------------------------------

  #bound() {
    const over = this.unseen - KEPT;
    if (over <= 0) return;
    this.#next += over;
    this.#left += over;
    if (this.#next > KEPT) this.#compact();
  }

  #compact() {
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }

  #go() {
    this.#changed();
    if (this.#running || !this.following || !this.unseen) return;
    this.#running = true;
    this.#turn();
  }

  #turn() {
    // A hidden page draws no frames.
    if (document.hidden) setTimeout(() => this.#slice(), 100);
    else requestAnimationFrame(() => setTimeout(() => this.#slice(), 0));
  }

  #slice() {
    const began = performance.now();
    this.#fresh.clear();
    for (let left = this.#step; left > 0 && this.following && this.unseen; ) left -= this.#drawSome(left);
    this.#trim();
    this.#pin();
    this.#adapt(performance.now() - began);
    if (this.following && this.unseen) return this.#turn();
    this.#running = false;
    if (!this.unseen) this.#compact();
    this.#changed();
  }

  /** Draw less at once on a slow or busy machine, more on a quick one. */
  #adapt(took) {
    if (took > SLOW_MS) this.#step = Math.max(FEWEST, Math.round(this.#step * 0.6));
    else if (took < QUICK_MS) this.#step = Math.min(MOST, Math.round(this.#step * 1.25));
  }

  /** Draw up to `most` lines into one chunk. Returns how many. */
  #drawSome(most) {
    if (this.#left) {
      const text = this.#words.unkept.replace("{n}", this.#left.toLocaleString());
      this.#append([this.#mark(["", "gap", text])]);
      this.#left = 0;
    }
    const room = CHUNK - (this.#chunk?.childElementCount ?? CHUNK);
    const many = Math.min(this.unseen, room || CHUNK, most);
    const frames = this.#waiting.slice(this.#next, this.#next + many);
    this.#next += many;
    this.#append(frames.map((frame) => (frame[0] ? this.#line(frame) : this.#mark(frame))));
    return many;
  }

  #append(elements) {
    if (!this.#chunk || this.#chunk.childElementCount >= CHUNK) {
      this.#chunk?.classList.remove("is-open");
      this.#pass(this.#chunk?.previousElementSibling);
      this.#chunk = document.createElement("div");
      this.#chunk.className = "log-chunk is-open";
      this.#lines.append(this.#chunk);
      this.#fresh.add(this.#chunk);
    }
    this.#chunk.append(...elements);
    this.#count += elements.length;
  }

  /** A chunk that came and went within one slice is never seen: spare its layout. */
  #pass(chunk) {
    if (!chunk || !this.#fresh.has(chunk)) return;
    chunk.classList.add("is-passed");
    setTimeout(() => chunk.classList.remove("is-passed"), PASSED_MS);
  }

  #trim() {
    while (this.#count > KEPT && this.#lines.firstElementChild !== this.#chunk) {
      const first = this.#lines.firstElementChild;
      this.#count -= first.childElementCount;
      first.remove();
    }
  }

  #line([stream, at, text]) {
    const line = document.createElement("div");
    line.className = stream === 2 ? "log-line is-err" : "log-line";
    if (at) line.append(this.#time(at));
    if (stream === 2) {
      const tag = document.createElement("span");
      tag.className = "log-tag";
      tag.textContent = this.#words.err;
      line.append(tag);
    }
    const body = document.createElement("span");
    body.className = "log-text";
    if (text.length <= CUT) render(body, text);
    else this.#cut(body, text);
    line.append(body);
    return line;
  }

  #time(at) {
    const time = document.createElement("time");
    time.dateTime = time.title = at;
    time.textContent = `${this.#clock(at)}${at.slice(19, 23)}`;
    return time;
  }

  #clock(at) {
    const second = at.slice(0, 19);
    if (this.#second[0] !== second) {
      const local = new Date(at.replace(/(\.\d{3})\d+/, "$1"));
      const two = (number) => String(number).padStart(2, "0");
      const words = [local.getHours(), local.getMinutes(), local.getSeconds()].map(two).join(":");
      this.#second = [second, Number.isNaN(local.getTime()) ? second.slice(11) : words];
    }
    return this.#second[1];
  }

  #cut(body, text) {
    render(body, text.slice(0, CUT));
    const more = document.createElement("button");
    more.type = "button";
    more.className = "log-more";
    more.textContent = this.#words.all.replace("{n}", text.length.toLocaleString());
    this.#whole.set(more, text);
    body.append("… ", more);
  }

  #showWhole(event) {
    const text = this.#whole.get(event.target);
    if (text === undefined) return;
    this.#leaveEnd();
    render(event.target.parentElement, text);
  }

  #mark([, code, text]) {
    const mark = document.createElement("div");
    mark.className = `log-mark is-${code}`;
    mark.textContent = text;
    return mark;
  }

  // --- Scrolling ----------------------------------------------------------------------------

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < END_PX;
  }

  #pin() {
    if (!this.following) return;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#top = this.#scroll.scrollTop;
  }

  #scrolled() {
    const before = this.#top;
    this.#top = this.#scroll.scrollTop;
    if (this.#atEnd()) {
      if (!this.paused && !this.following) this.follow();
    } else if (this.#top < before - 1) this.#leaveEnd();
  }

  #leaveEnd() {
    if (!this.following || this.#scroll.scrollHeight <= this.#scroll.clientHeight) return;
    this.following = false;
    this.#changed();
  }
}
