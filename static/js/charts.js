/** Usage over time: five charts with one cursor and one zoom, kept fresh, readable without eyes. */
import { Chart, clock } from "./chart.js";
import { percent, rate, size } from "./units.js";

const FRESH_MS = { "1h": 10000, "24h": 60000, "7d": 300000 };
const NEAR = 0.01; // of the width: so near, the cursor is at a mark
const OLD = 60; // seconds, and three steps: what was read before that is not of now
const SHORTEST = 60; // seconds that one can zoom into
const STEP = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
const toSecond = clock({ weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const count = (value) => String(Math.round(value));

function kinds(word) {
  const pair = (one, other) => [
    { column: one, label: word(one), tone: "busy" },
    { column: other, label: word(other), tone: "paused" },
  ];
  const bytes = { axis: size, binary: true };
  return {
    cpu: { lines: [{ column: "cpu", label: "", tone: "busy" }, { column: "cpu_peak", label: word("peak"), tone: "idle", thin: true }], words: percent, axis: (value) => `${value} %`, floor: 10 },
    memory: { lines: [{ column: "memory", label: "", tone: "busy" }, { column: "memory_peak", label: word("peak"), tone: "idle", thin: true }], words: size, floor: 2 ** 20, ...bytes },
    network: { lines: pair("received", "sent"), words: rate, floor: 4096, ...bytes },
    disk: { lines: pair("read", "written"), words: rate, floor: 4096, ...bytes },
    processes: { lines: [{ column: "processes", label: "", tone: "busy" }], words: count, axis: (value) => (Number.isInteger(value) ? value : ""), floor: 4 },
  };
}

class Charts {
  #root;
  #charts = new Map();
  #kinds;
  #history = null;
  #zoomed = null; // [from, to] in seconds
  #at = null; // where the cursor is, in seconds
  #timer = 0;
  #ended = new AbortController();

  constructor(root) {
    this.#root = root;
    this.#kinds = kinds((name) => this.#word(name));
    for (const figure of root.querySelectorAll("[data-chart]")) {
      const told = { moved: (at) => this.#point(at), chosen: (from, to) => this.#zoom(from, to) };
      this.#charts.set(figure.dataset.chart, new Chart(figure, this.#kinds[figure.dataset.chart], told));
    }
    this.#listen();
    this.#load();
  }

  stop() {
    this.#ended.abort();
    clearTimeout(this.#timer);
    for (const chart of this.#charts.values()) chart.destroy();
  }

  #word(name) {
    return this.#root.dataset[`word${name[0].toUpperCase()}${name.slice(1)}`] ?? "";
  }

  #listen() {
    const { signal } = this.#ended;
    const redraw = () => this.#charts.forEach((chart) => chart.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw, { signal });
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    const width = new ResizeObserver(() => this.#charts.forEach((chart) => chart.resize()));
    width.observe(this.#root);
    signal.addEventListener("abort", () => [theme, width].forEach((one) => one.disconnect()));
    document.addEventListener("visibilitychange", () => document.hidden || this.#load(), { signal });
    this.#root.addEventListener("keydown", (event) => this.#key(event));
    this.#root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-charts-zoom]");
      if (button) this.#zoomBy(button.dataset.chartsZoom);
      const mark = event.target.closest("[data-charts-mark]");
      if (mark) this.#goTo(Number(mark.dataset.chartsMark));
    });
  }

  // --- What there is ----------------------------------------------------------------------------

  async #load() {
    clearTimeout(this.#timer);
    const { charts, range } = this.#root.dataset;
    try {
      const answer = await fetch(`${charts}?range=${range}`, { signal: this.#ended.signal, headers: { Accept: "application/json" } });
      if (answer.ok) this.#show(await answer.json());
      else this.#note(answer.status === 404 ? this.#word("gone") : this.#word("failed"));
      if (answer.status === 404) return;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#note(this.#word("failed"));
    }
    if (!document.hidden) this.#timer = setTimeout(() => this.#load(), FRESH_MS[range]);
  }

  #show(history) {
    this.#history = history;
    this.#note(history.times.length ? "" : this.#word("none"));
    this.#root.classList.toggle("is-empty", !history.times.length);
    const marks = history.marks.map(({ at, tone }) => ({ at: at / 1000, tone }));
    const [from, to] = this.#shown;
    for (const [name, chart] of this.#charts) {
      chart.show(history.times, history.columns, { limit: this.#limit(name), marks, from, to });
    }
    this.#tellMarks();
    this.#tellTable();
    this.#tellValues();
    if (this.#at !== null) this.#charts.forEach((chart) => chart.point(this.#at));
    this.#root.dataset.drawn = history.times.length;
  }

  get #shown() {
    return this.#zoomed ?? [this.#history.begin, this.#history.end];
  }

  #limit(name) {
    const { limitCpu, limitMemory } = this.#root.dataset;
    if (name === "cpu") return Number(limitCpu) || null;
    if (name !== "memory") return null;
    const own = this.#history.columns.memory_limit?.findLast((value) => value !== null);
    // Without a limit of its own, engines tell the memory of the whole host.
    const host = Number(limitMemory) || null;
    return own && (!host || own < host) ? own : host;
  }

  #note(text) {
    const note = this.#root.querySelector("[data-charts-note]");
    if (note.textContent !== text) note.textContent = text;
    note.hidden = !text;
  }

  // --- Pointing and zooming ---------------------------------------------------------------------

  #point(at) {
    if (!this.#history?.times.length) return;
    const times = this.#history.times;
    this.#at = at === null ? null : times[this.#charts.get("cpu").place(at)];
    this.#charts.forEach((chart) => chart.point(this.#at));
    this.#tellValues();
  }

  #zoom(from, to) {
    if (!this.#history) return;
    const { begin, end } = this.#history;
    this.#zoomed = null;
    if (from !== null) {
      const middle = (from + to) / 2;
      const half = Math.max(SHORTEST, to - from) / 2;
      const [low, high] = [Math.max(begin, middle - half), Math.min(end, middle + half)];
      if (high - low < end - begin) this.#zoomed = [low, high];
    }
    this.#charts.forEach((chart) => chart.zoom(...this.#shown));
    this.#root.querySelector('[data-charts-zoom="reset"]').disabled = !this.#zoomed;
  }

  #zoomBy(how) {
    if (!this.#history || how === "reset") return this.#zoom(null);
    const [from, to] = this.#shown;
    const middle = this.#at !== null && this.#at >= from && this.#at <= to ? this.#at : (from + to) / 2;
    const half = ((to - from) * (how === "in" ? 0.5 : 2)) / 2;
    return this.#zoom(middle - half, middle + half);
  }

  #goTo(at) {
    const [from, to] = this.#shown;
    if (at < from || at > to) this.#zoom(at - (to - from) / 2, at + (to - from) / 2);
    this.#point(at);
  }

  #key(event) {
    const times = this.#history?.times;
    if (!event.target.closest("[data-chart-plot]") || !times?.length || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEP) {
      const here = this.#at === null ? times.length : this.#charts.get("cpu").place(this.#at);
      this.#goTo(times[Math.min(times.length - 1, Math.max(0, here + STEP[event.key]))]);
    } else if (event.key === "Home" || event.key === "End") this.#goTo(times.at(event.key === "Home" ? 0 : -1));
    else if (event.key === "+" || event.key === "-") this.#zoomBy(event.key === "+" ? "in" : "out");
    else if (event.key === "0" || (event.key === "Escape" && this.#zoomed)) this.#zoomBy("reset");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- In words ---------------------------------------------------------------------------------

  #tellValues() {
    const { times, columns, marks } = this.#history;
    const place = this.#at === null ? times.length - 1 : this.#charts.get("cpu").place(this.#at);
    for (const name of this.#charts.keys()) {
      const told = this.#valuesAt(name, place);
      this.#figure(name).querySelector("[data-chart-now]").replaceChildren(...(told.length ? told : ["–"]));
    }
    const [from, to] = this.#shown;
    const near = this.#at === null ? [] : marks.filter(({ at }) => Math.abs(at / 1000 - this.#at) < NEAR * (to - from));
    const old = this.#at === null && this.#isOld;
    const newest = old ? this.#word("last").replace("{time}", toSecond(times.at(-1))) : this.#word("newest");
    const moment = this.#at === null ? newest : toSecond(this.#at);
    this.#root.classList.toggle("is-old", old);
    this.#root.querySelector("[data-charts-at]").textContent = [moment, ...near.map(({ words }) => words)].join(" · ");
  }

  /** Whether nothing was read lately: it ended, or its host is away. */
  get #isOld() {
    const { times, end, step } = this.#history;
    if (!times.length) return false;
    // Between a reading and the hole after it lies the usual distance; over the hole, any.
    const few = times.slice(-4);
    const apart = few.slice(1).map((at, place) => at - few[place]);
    return end - times.at(-1) > OLD + 3 * Math.max(step, apart.length ? Math.min(...apart) : step);
  }

  /** The values of a chart at a place in the data, as elements; a peak only where it tells more. */
  #valuesAt(name, place) {
    const { columns } = this.#history;
    const { lines, words } = this.#kinds[name];
    const limit = name === "memory" && this.#limit(name);
    return lines.flatMap(({ column, label, tone, thin }, at) => {
      const value = columns[column]?.[place] ?? null;
      if (value === null || (thin && words(value) === words(columns[lines[0].column][place]))) return [];
      const text = limit && !at ? this.#word("of").replace("{used}", words(value)).replace("{limit}", size(limit)) : words(value);
      const span = Object.assign(document.createElement("span"), { textContent: `${label} ${text}`.trim() });
      if (label) span.className = `chart-key is-${tone}`;
      return [span];
    });
  }

  #figure(name) {
    return this.#root.querySelector(`[data-chart="${name}"]`);
  }

  #tellTable() {
    const body = this.#root.querySelector("[data-charts-table]");
    const rows = Object.values(this.#kinds).flatMap(({ lines, words }, at) =>
      lines.filter(({ thin }) => !thin).map(({ column, label }) => {
        const known = (this.#history.columns[column] ?? []).filter((value) => value !== null);
        const peaks = (this.#history.columns[`${column}_peak`] ?? known).filter((value) => value !== null);
        const title = this.#figure(Object.keys(this.#kinds)[at]).querySelector("h2").textContent;
        const figures = known.length ? [known.at(-1), known.reduce((sum, one) => sum + one, 0) / known.length, Math.max(...peaks)].map(words) : ["–", "–", "–"];
        return [label ? `${title}, ${label}` : title, ...figures];
      }),
    );
    body.replaceChildren(...rows.map(([head, ...cells]) => {
      const row = document.createElement("tr");
      const title = document.createElement("th");
      title.scope = "row";
      title.textContent = head;
      row.append(title, ...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    }));
  }

  #tellMarks() {
    const list = this.#root.querySelector("[data-charts-marks]");
    list.closest("section").hidden = !this.#history.marks.length;
    list.replaceChildren(...this.#history.marks.toReversed().map(({ at, words, tone }) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: `mark tone-${tone}` });
      button.dataset.chartsMark = at / 1000;
      const time = Object.assign(document.createElement("time"), { textContent: toSecond(at / 1000), dateTime: new Date(at).toISOString() });
      button.append(time, ` ${words}`);
      item.append(button);
      return item;
    }));
  }
}

/** Begin. Returns what ends it. */
export function startPage() {
  const root = document.querySelector("[data-charts]");
  if (!root) return null;
  const charts = new Charts(root);
  return () => charts.stop();
}
