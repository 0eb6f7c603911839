/**
 * The log of a page, in a worker: its own connection, all lines, filter and search. The page's thread only draws the
 * rows that it is told. See docs/concepts/log.md.
 */
import { Fetches } from "./fetches.js";
import { fieldsOf } from "./fields.js";
import { Link } from "./link.js";
import { ERR, Lines, MARK } from "./lines.js";
import { mergeInto } from "./merge.js";
import { trimmed } from "./moves.js";
import { Queries } from "./queries.js";
import { Reach } from "./reach.js";
import { Rows } from "./rows.js";
import { turn } from "./scan.js";
import { Sources } from "./sources.js";
import { Store } from "./store.js";
import { plain } from "./text.js";
import { exact } from "./times.js";
import { Window } from "./window.js";

const PART = 2;
const HEADER = 8;
const TELL_EVERY = 300; // ms
const SAVED = 5000; // lines that are written at once
const SPACE = 32_000; // letters that a stream's arguments may have
const HEARD = new Set(["away", "back", "joined", "left"]); // marks after which a host is known to be away, or not to be
const STANDS_OUT = new Set(["hit", "place", "line"]); // messages about the line that stands out from then on

class Log {
  store = new Store();
  rows = new Rows(this.store);
  sources = new Sources(this.store, () => this.#changed(), (lines) => this.#early(lines));
  reach = new Reach(this);
  post = (message) => this.#post(message);
  #words = { hole: "", gap: "" };
  #matcher = "";
  #args;
  #marked = null; // the number of the line that stands out
  #opened = null; // and of the one whose details the page shows
  #link;
  #queries;
  #fetches;
  #window;
  #telling = 0;
  #since = 0; // the time (ms) from which on the filter shows lines, 0 for no such time
  #state = { answered: false, over: "", asked: 0 }; // asked: the last search in the whole log

  constructor({ address, args }) {
    this.#args = args;
    this.#queries = new Queries(this, () => this.#matcher, () => this.#window?.changed());
    this.#window = new Window(this, () => this.#facts(), (texts) => this.#queries.places(texts));
    this.#link = new Link(address, {
      open: () => this.#ask(),
      closed: () => this.#lost(),
      bytes: (bytes) => this.#bytes(bytes),
      message: (message) => this.#message(message),
    });
    this.#fetches = new Fetches(this, (message) => this.#link.send(message), (work) => this.#change(work));
  }

  #post(message) {
    if (STANDS_OUT.has(message.type)) this.#marked = message.number;
    if (message.type === "line") this.#opened = message.number;
    self.postMessage(message);
  }

  // --- What the server says -------------------------------------------------------------------

  #ask() {
    if (!this.#args || this.#state.over === "gone") return;
    const args = new URLSearchParams(this.#args);
    for (const source of this.sources.all.values()) {
      source.reader.forget();
      source.away = false;
    }
    for (const place of this.sources.places()) args.append("place", place);
    for (const one of this.sources.was(args.getAll("container"), SPACE - args.toString().length)) args.append("was", one);
    this.#link.send({ type: "stream.open", topic: "logs", args: args.toString() });
    this.#fetches.again();
  }

  #lost() {
    this.#state.answered = false;
    this.#window.changed();
  }

  #bytes(bytes) {
    if (bytes[0] !== PART) return this.sources.feed(this.sources.index(bytes[2] + bytes[3] * 256), bytes, HEADER);
    const { idle } = this.#fetches;
    this.#fetches.feed(new DataView(bytes.buffer).getUint32(4, true), bytes, HEADER);
    if (this.#fetches.idle && !idle) return this.#changed(); // its beginning was enough: no more is told of it
    this.#telling ||= setTimeout(() => this.#tellLoading(), TELL_EVERY);
    return undefined;
  }

  /** A part tells how far it is now and then: nothing of it is shown before it is whole. */
  #tellLoading() {
    this.#telling = 0;
    this.#window.changed();
  }

  #message(message) {
    const { type } = message;
    const source = this.sources.index(message.source || 0);
    if (type === "log.answered") this.#answered(source, message.more);
    else if (type === "log.sources") this.#told(message.sources);
    else if (type === "log.gap") this.#gap(source, message.skipped);
    else if (type === "log.mark") this.#mark(source, message.code, message.text, spanOf(message));
    else if (type === "log.unfiltered") this.#unfiltered(message);
    else if (type === "log.chosen") this.#chosen(message.args);
    else if (type === "log.end") this.#ended(source, message);
    else if (type === "log.part") this.#partEnded(message);
    else if (type === "gone") this.#gone(message);
  }

  #told(sources) {
    this.post({ type: "sources", sources: this.sources.told(sources) });
  }

  #answered(source, more) {
    this.sources.get(source).answered = true;
    this.sources.get(source).more ||= more;
    this.#state.answered = true;
    this.#state.over = "";
    this.#changed();
  }

  #gap(source, skipped) {
    const text = skipped < 0 ? this.#words.hole : this.#words.gap.replace("{n}", skipped.toLocaleString());
    this.sources.skipped(source, skipped);
    this.#mark(source, "gap", text);
  }

  #mark(source, code, text, span) {
    const one = this.sources.get(source);
    if (HEARD.has(code)) one.away = code === "away";
    if (code === "joined") one.over = "";
    this.sources.mark(source, code, text, span);
  }

  /** One of the chosen containers was made again, and has another number. */
  #chosen(args) {
    this.#args = args;
    this.post({ type: "chosen", args });
  }

  /** The saved filter is gone: after a lost connection its containers themselves are asked for. */
  #unfiltered({ args, text }) {
    this.#args = args;
    this.#mark(0, "unfiltered", text);
  }

  /** After a lost connection it is told again, which needs no second mark. */
  #ended(source, { code, text }) {
    const one = this.sources.get(source);
    const told = one.over === code;
    one.over = code;
    this.#state.answered = true;
    if ([...this.sources.all.values()].every(({ over }) => over)) this.#state.over = code;
    if (told) this.#window.changed();
    else this.sources.mark(source, code, text);
  }

  #gone({ topic, message }) {
    if (topic === "log-part") this.#fetches.refused(message);
    if (topic === "logs") {
      this.#state.over = "gone";
      this.sources.drop();
      this.clear();
      this.store.mark("gone", message, 0, Date.now());
    }
    this.#changed();
  }

  #partEnded({ part, problem }) {
    this.#fetches.ended(part, problem);
    this.#changed();
  }

  // --- What has changed -----------------------------------------------------------------------

  #facts() {
    const { edge, missing } = this.reach;
    const complete = this.reach.reaches(this.#since);
    return { ...this.#state, cut: this.sources.cut, lines: this.store.spoken, edge, missing, complete, ...this.#fetches.facts, ...this.#queries.facts() };
  }

  #changed() {
    if (this.store.crowded) this.#trim();
    this.#fetches.came();
    this.#putEdge();
    this.#queries.run();
    this.#window.changed();
  }

  #putEdge() {
    if (this.#fetches.idle && this.reach.stale) this.#change(() => this.reach.put(), true);
  }

  #trim() {
    const gone = this.store.tooMany;
    this.#fetches.drop(); // it would not go up to what is left
    this.reach.trim(gone);
    this.#change(() => {
      this.store.trim(gone, this.sources.pending);
      return trimmed(gone);
    });
  }

  /** An engine has answered later than others: its first lines go among theirs. */
  #early(lines) {
    this.#change(() => mergeInto(this.store, 0, this.store.count, lines));
  }

  /** Do work that puts lines in, or takes some away, and returns how the numbers of the others change, null when not. */
  #change(work, put = false) {
    const anchor = this.#window.anchor(this.reach.edge);
    const moved = work();
    if (!moved) return;
    if (!put) this.reach.moved(moved);
    this.rows.forget();
    this.#queries.moved(moved);
    this.#window.moved(anchor, moved);
    const still = (number) => (number === null || moved(number) < 0 ? null : moved(number));
    this.#marked = still(this.#marked);
    this.#opened = still(this.#opened);
    this.post({ type: "moved", marked: this.#marked });
  }

  // --- What the page asks for -----------------------------------------------------------------

  /** Read what `args` say: there may be a connection already. */
  start({ args }) {
    this.#args = args;
    this.#ask();
  }

  /** The page is there; the log may have been begun before it. */
  ready({ words, matcher, all }) {
    this.#words = words;
    this.reach.say(words);
    this.#fetches.say(words);
    this.#matcher = matcher;
    if (all) this.#fetches.allLater();
  }

  show(message) {
    this.#window.show(message);
  }

  sight(message) {
    this.#window.see(message);
  }

  drawn() {
    this.#window.drawn();
  }

  wrap(room) {
    this.rows.wrap(room);
  }

  /** Show what a question lets through, null for all; `opened`: go to the line whose details are shown. */
  filter({ wanted, opened }) {
    this.#marked = null;
    this.sources.choose(wanted?.sources);
    this.#putEdge(); // before it is filtered, or that would be done twice
    this.#queries.filter(wanted);
    if (wanted && !this.#queries.facts().filtered) return this.filter({ wanted: null }); // it is a mistake
    const since = Math.max(0, wanted?.since || 0); // a year that is being typed is long ago
    if (since && since !== this.#since && !this.reach.reaches(since)) this.#fetches.from(since);
    this.#since = since;
    this.#changed();
    if (opened && this.#opened !== null) this.#place(this.#opened);
    return undefined;
  }

  search({ wanted }) {
    this.#queries.search(wanted);
    this.#changed();
  }

  hit(message) {
    this.#queries.hit(message);
  }

  /** Fetch older lines. */
  older({ all, ask = this.#state.asked }) {
    this.#state.asked = ask;
    this.#fetches.older(all);
    this.#window.changed();
  }

  gap({ number }) {
    this.#fetches.fill(number);
    this.#window.changed();
  }

  cancel() {
    this.#fetches.cancel();
    this.#changed();
  }

  time({ at }) {
    this.#fetches.toTime(at);
    this.#window.changed();
  }

  /** Tell where a line is shown. */
  #place(number) {
    this.post({ type: "place", number, unit: this.rows.top(this.rows.row(number)) });
  }

  /** Tell everything about a line. */
  line({ number }) {
    const [lines, at] = this.store.locate(number);
    if (!lines || lines.stream(at) === MARK) return;
    const text = plain(this.store.text(lines, at));
    const where = { number, time: lines.time[at], stream: lines.stream(at), source: lines.source(at) };
    this.post({ type: "line", ...where, text, fields: fieldsOf(text) });
  }

  /** Give what is shown as a file. */
  async save() {
    const texts = textsOf(this);
    const parts = [];
    for (let some = texts.next(); !some.done; some = texts.next()) {
      parts.push(new Blob([some.value]));
      await turn();
    }
    this.post({ type: "saved", blob: new Blob(parts, { type: "text/plain" }) });
  }

  clear() {
    this.#fetches.drop();
    this.store.segments = [new Lines()];
    this.store.blocks.drop(this.store.blocks.count, new Set());
    this.#queries.search(null);
    this.#queries.filter(null);
    this.#since = 0;
    this.#marked = this.#opened = null;
    this.post({ type: "moved", marked: null }); // the page's rows are not those of these numbers any more
  }

  stop() {
    this.#link.stop();
    self.close();
  }
}

/** Return between which times an engine may have what a mark says is missing. */
const spanOf = ({ since, until }) => (since && until ? [since, until] : []);

/** The texts of the rows that are shown, some at once: time, container where there are several, text. */
function* textsOf({ rows, store, sources }) {
  let written = [];
  for (let row = 0; row < rows.count; row += 1) {
    const [lines, at] = store.locate(rows.line(row));
    if (lines.stream(at) !== MARK) {
      const name = sources.single ? "" : `${sources.get(lines.source(at)).name} `;
      const err = lines.stream(at) === ERR ? "err " : "";
      written.push(`${exact(lines.time[at])} ${name}${err}${plain(store.text(lines, at))}\n`);
    }
    if (written.length < SAVED) continue;
    yield written.join("");
    written = [];
  }
  yield written.join("");
}

let log = null;

self.onmessage = ({ data }) => {
  if (data.type === "start" && !log) log = new Log(data);
  else log?.[data.type]?.(data);
};
