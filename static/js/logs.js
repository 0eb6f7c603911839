/** A page's log: its worker, what is seen of it, and its buttons. See docs/concepts/log.md. */
import { Details } from "./log/details.js";
import { Filters } from "./log/filters.js";
import { highlight, noHighlight } from "./log/highlight.js";
import { rowDrawer } from "./log/row.js";
import { SearchBar } from "./log/searchbar.js";
import { Settings } from "./log/settings.js";
import { made, startOf, taken, willWrap } from "./log/spare.js";
import { Status } from "./log/status.js";
import { dayless, momentOf } from "./log/times.js";
import { View } from "./log/view.js";
import { drawsFirst } from "./visit.js";

export { begin, far, near, warm } from "./log/spare.js";

const LINK = /^#t=(\d{10,14}(?:\.\d{1,4})?)$/;
const AGAIN = 1000; // ms after which a worker that did not load is loaded again
const LONGEST_NAME = 24; // letters of a container's name in front of its lines
const PAUSE = 40; // ms between two drawings while lines come

class Log {
  #root;
  #worker;
  #view;
  #settings;
  #status;
  #search;
  #filters;
  #details;
  #rows = [];
  #marked = null; // the number of the line that stands out
  #stopped = false;
  #unheard = []; // what a worker was told that has said nothing yet; null once it has
  #again = 0; // the timer of another one in its place
  sources = new Map();

  constructor(root) {
    this.#root = root;
    this.words = JSON.parse(document.getElementById("log-words").textContent);
    const begun = taken(root.dataset.worker, root.dataset.args);
    this.#hear(begun.worker);
    this.#settings = new Settings(root.querySelector("[data-log-settings]"), (what) => this.#settled(what));
    this.settings = { words: this.words, sources: this.sources, ...this.#settings.chosen };
    const parts = { scroll: this.find("scroll"), space: this.find("space"), list: this.find("lines") };
    this.#view = new View(parts, (row) => this.#draw(row), (wanted) => this.#ask(wanted), () => this.#edge());
    this.#status = new Status(this, this.#view, (message) => this.post(message));
    this.#search = new SearchBar(this, (message) => this.post(message), () => this.#view.unit);
    this.#filters = new Filters(this, (wanted, opened) => this.#filter(wanted, opened));
    this.#details = new Details(this, () => this.#filters.clear());
    this.#listen();
    this.#start(begun);
  }

  find(name) {
    return this.#root.querySelector(`[data-log-${name}]`);
  }

  post(message) {
    if (this.#stopped) return;
    this.#unheard?.push(message);
    this.#worker.postMessage(message);
  }

  #hear(worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      this.#unheard = null;
      this.#told(data);
    };
    worker.onerror = () => this.#unheard && this.#failed();
  }

  /** The worker did not load, as while Quayside is started anew: another one is told all that it was, once. */
  #failed() {
    this.#worker.onerror = null;
    if (this.#again) {
      this.problem(this.words.unloaded);
      return this.#status.show({ answered: false, over: "failed", lines: 0, count: 0, whole: false, loading: -1 });
    }
    this.#again = setTimeout(() => {
      this.#hear(made(this.#root.dataset.worker).worker);
      for (const message of this.#unheard) this.#worker.postMessage(message);
    }, AGAIN);
    return undefined;
  }

  #start({ args, told }) {
    const start = startOf(this.#root.dataset.args);
    if (args) this.#unheard.push(start); // it was told that on the way here
    else this.post(start);
    if (told.length) this.#unheard = null;
    const matcher = new URL(this.#root.dataset.matcher, location.href).href;
    const all = new URLSearchParams(location.search).has("whole");
    this.post({ type: "ready", matcher, words: this.words, all });
    this.#wrap(); // which asks for rows
    for (const data of told) this.#told(data);
    this.#drawComing();
    this.#linked();
  }

  /** Go to the time that the address names; it may be another one while the page stays. */
  #linked = () => {
    const linked = LINK.exec(location.hash);
    if (linked) this.#goTo(Number(linked[1]));
  };

  #listen() {
    this.#root.addEventListener("click", (event) => this.#clicked(event));
    this.find("partial").addEventListener("click", () => this.#fetchFromHere());
    this.find("jump").addEventListener("submit", (event) => this.#jump(event));
    document.addEventListener("selectionchange", this.#selected);
    window.addEventListener("hashchange", this.#linked);
    this.#sizes.observe(this.find("scroll"));
    this.#timer = setInterval(() => this.settings.times === "age" && this.#view.forget(), 5000);
  }

  #timer = 0;
  #sizes = new ResizeObserver(() => this.#wrap());

  /** The page is left. */
  stop() {
    document.removeEventListener("selectionchange", this.#selected);
    window.removeEventListener("hashchange", this.#linked);
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    this.#sizes.disconnect(); // what is taken away has no width
    noHighlight();
    this.#status.stop();
    this.#view.stop();
    this.post({ type: "stop" });
    this.#stopped = true;
    this.#worker.onmessage = this.#worker.onerror = null;
  }

  // --- What the worker tells ------------------------------------------------------------------

  #told(data) {
    if (data.type === "rows") return this.#drawSoon(data);
    this.#drawComing();
    if (data.type === "shift") this.#view.shift(data.units);
    else if (data.type === "moved") this.#moved(data);
    else if (data.type === "sources") this.#setSources(data.sources);
    else if (data.type === "hit") this.#hit(data);
    else if (data.type === "place") this.#place(data);
    else if (data.type === "chosen") this.#renumber(data.args);
    else if (data.type === "line") this.#details.show(data);
    else if (data.type === "dropped") this.#dropped(data);
    else if (data.type === "problem") this.problem(data.text || this.words.early);
    else if (data.type === "saved") this.#save(data.blob);
  }

  #coming = null; // rows to be drawn with the next frame

  /** Several may have waited while the page was busy: only the newest are worth drawing. The first ever are at once. */
  #drawSoon(data) {
    const first = !this.#coming;
    this.#coming = data;
    if (!this.#rows.length) this.#drawComing();
    else if (first) requestAnimationFrame(() => this.#drawComing());
  }

  #drawComing() {
    const data = this.#coming;
    this.#coming = null;
    if (data && !this.#stopped) this.#show(data);
  }

  #show(data) {
    this.#rows = data.rows;
    this.#view.show(data);
    highlight(data.rows, (number) => this.#view.element(number), this.#marked);
    this.#mark();
    this.#status.show(data);
    this.#search.show(data);
    this.#settings.offer(data.rows);
    this.#edgeUnit = data.rows.find((row) => row.code === "edge")?.top ?? null;
    for (const row of data.rows) this.#view.element(row.number)?.classList.toggle("is-partial", row.number < data.edge);
    this.#partial = data;
    this.#edge();
    const pause = data.count ? PAUSE : 0;
    requestAnimationFrame(() => setTimeout(() => this.post({ type: "drawn" }), pause));
  }

  /** The view has moved, or come to an end, or left it. */
  #edge() {
    this.#status.changed();
    const { following, unit, page } = this.#view;
    const edge = this.#edgeUnit !== null && this.#edgeUnit >= unit - 1 && this.#edgeUnit < unit + page;
    if (!following && unit !== this.#seen) this.post({ type: "sight", top: unit, page });
    this.#seen = unit;
    const partial = this.#drawPartial(following || edge);
    if (following || this.#firstRow()) this.#status.atTop(!following && !partial && (unit < 1 || edge));
  }

  #seen = -1; // the unit at the top
  #edgeUnit = null; // where what is complete begins, as far as that is drawn

  #partial = { edge: -1, missing: "" };

  /** Say that what is in sight is not everything, where the mark that says so is out of sight below. Returns whether. */
  #drawPartial(told) {
    const { edge, missing, loading } = this.#partial;
    const first = told ? null : this.#firstRow();
    const button = this.find("partial");
    button.hidden = !first || first.number >= edge;
    button.disabled = loading >= 0;
    if (!button.hidden) button.querySelector("span").textContent = this.words.partial.replace("{names}", missing);
    return !button.hidden;
  }

  #fetchFromHere() {
    const row = this.#firstRow();
    if (row) this.#goTo(row.time);
  }

  /** The row at the top of what is in sight; none while that is not drawn yet. */
  #firstRow() {
    const { unit } = this.#view;
    return this.#rows.find((row) => row.top <= unit && row.top + row.high > unit);
  }

  /** One of the containers has another number now: who loads the page again is to find it. */
  #renumber(args) {
    this.#root.dataset.args = args;
    const address = new URL(location.href);
    if (!address.searchParams.has("container")) return;
    address.searchParams.delete("container");
    for (const container of new URLSearchParams(args).getAll("container")) address.searchParams.append("container", container);
    history.replaceState(history.state, "", address);
  }

  #moved({ marked }) {
    this.#view.forgetNumbers();
    this.#marked = marked;
    this.#search.moved();
  }

  /** The number of the line that stands out, null for none. */
  get marked() {
    return this.#marked;
  }

  #setSources(sources) {
    for (const one of sources) this.sources.set(one.index, one);
    if (this.sources.size > 1) this.#widen(); // one is not named beside its lines
    this.#filters.sources(this.sources);
  }

  #widen() {
    const longest = Math.max(...[...this.sources.values()].map((one) => one.name.length));
    this.#root.style.setProperty("--source-width", `${Math.min(longest, LONGEST_NAME)}ch`);
    this.#wrap();
    this.#view.forget();
  }

  #hit({ at, number, unit }) {
    this.#marked = number;
    this.#search.at(at);
    this.#view.go(unit);
  }

  /** An expression is not in force. */
  #dropped({ where, why, text }) {
    this.problem(this.words[why].replace("{text}", text));
    if (where === "search") this.#search.dropped();
    else this.#filters.dropped();
  }

  #place({ number, unit }) {
    this.#marked = number;
    this.#view.go(unit);
  }

  #mark() {
    const list = this.find("lines");
    list.querySelector(".is-marked")?.classList.remove("is-marked");
    if (this.#marked !== null) this.#view.element(this.#marked)?.classList.add("is-marked");
  }

  // --- What the reader does -------------------------------------------------------------------

  #ask(wanted) {
    this.post({ type: "show", ...wanted, fields: true });
  }

  #draw(row) {
    return rowDrawer(this.settings)(row);
  }

  #settled(what) {
    Object.assign(this.settings, this.#settings.chosen);
    this.#root.classList.toggle("has-wrap", this.settings.wrap);
    this.#root.classList.toggle("has-levels", this.settings.levels);
    if (what !== "levels") this.#wrap();
    this.#view.forget();
  }

  /** Tell the worker how many columns a text has. */
  #wrap() {
    const { wrap } = this.settings;
    const several = this.sources.size > 1;
    const columns = wrap ? this.#settings.columnsOf(this.find("scroll"), several, this.words.err) : [0, 0];
    const key = [...columns, this.settings.times].join();
    if (key === this.#columns) return;
    this.#columns = key;
    this.#root.classList.toggle("has-wrap", this.settings.wrap);
    this.#root.classList.toggle("has-levels", this.settings.levels);
    const wrapped = { type: "wrap", columns: columns[0], narrow: columns[1], ...dayless(this.settings.times) };
    willWrap(wrapped);
    this.post(wrapped);
    this.#view.ask();
  }

  #columns = "";

  #filter(wanted, opened) {
    this.problem("");
    this.#marked = null;
    this.post({ type: "filter", wanted, opened });
    if (!this.#view.following && !opened) this.#view.follow();
  }

  #clicked(event) {
    if (event.target.closest("[data-log-save]")) return this.post({ type: "save" });
    const gap = event.target.closest("[data-gap]");
    if (gap) return this.#fill(Number(gap.dataset.gap));
    if (event.target.closest("[data-log-edge]")) return this.post({ type: "older", all: false });
    const row = event.target.closest(".log-line");
    if (!row || getSelection()?.toString()) return null;
    this.#marked = Number(row.dataset.number);
    this.#mark();
    if (this.#view.following) this.#view.leave();
    return this.post({ type: "line", number: this.#marked });
  }

  /** Fetch what a mark says is missing. */
  #fill(number) {
    this.problem("");
    this.post({ type: "gap", number });
  }

  #selected = () => {
    const selection = getSelection();
    const inside = selection && !selection.isCollapsed && this.find("lines")?.contains(selection.anchorNode);
    if (inside) this.#view.hold();
    else this.#view.letGo();
  };

  #jump(event) {
    event.preventDefault();
    const text = event.target.elements.at.value.trim();
    const at = momentOf(text, this.settings.times === "utc");
    if (at === null) return this.problem(this.words.time.replace("{text}", text));
    return this.#goTo(at);
  }

  #save(blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${document.title.replace(/\W+/g, "-")}.log`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  #goTo(at) {
    this.problem("");
    this.post({ type: "time", at });
    this.#view.leave(); // after it: the top may be in sight then, which asks for older lines
  }

  /** Show a sentence above the lines, "" for none. */
  problem(text) {
    const element = this.find("problem");
    element.textContent = text;
    element.hidden = !text;
  }
}

drawsFirst(import.meta.url, startPage);

/** Begin. Returns what ends it. */
export function startPage() {
  const root = document.querySelector("[data-log]");
  if (!root) return null; // the page has the log as text
  const log = new Log(root);
  return () => log.stop();
}
