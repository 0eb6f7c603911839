/** One row of a log as an element; what a log says becomes text nodes only. */
import { render } from "../ansi.js";
import { MARK, OF_VIEW } from "./lines.js";
import { exact, timeText } from "./times.js";

const GAPS = new Set(["gap", "hole", "edge"]);

/** Returns what draws a row. `settings` has `times`, `columns`, `sources` (index -> { name, host }), `words`. */
export function rowDrawer(settings) {
  return (row) => (row.stream === MARK ? mark(row, settings) : line(row, settings));
}

function line(row, settings) {
  const element = document.createElement("div");
  element.className = `log-line${row.stream === 2 ? " is-err" : ""}${row.level ? ` is-${row.level}` : ""}`;
  element.dataset.number = row.number;
  if (settings.times !== "off") element.append(time(row, settings));
  const source = settings.sources.size > 1 && settings.sources.get(row.source);
  if (source) element.append(span(`log-source is-source-${row.source % 8}`, source.name, source.title));
  if (row.stream === 2) element.append(span("log-tag", settings.words.err));
  if (settings.columns.length && row.fields) for (const cell of cells(row.fields, settings.columns)) element.append(cell);
  const text = span("log-text", "");
  if (row.text) render(text, row.text);
  else text.textContent = row.plain;
  element.append(text);
  if (row.whole) element.append(more(row, settings));
  return element;
}

function time(row, settings) {
  const element = document.createElement("time");
  element.dateTime = element.title = exact(row.time);
  element.dataset.ms = row.time;
  element.textContent = timeText(row.time, settings.times);
  return element;
}

function* cells(fields, columns) {
  const known = new Map(fields);
  for (const name of columns) yield span("log-cell", known.get(name) ?? "", name);
}

function more(row, settings) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "log-more";
  button.textContent = settings.words.all.replace("{n}", row.whole.toLocaleString());
  return button;
}

function mark(row, settings) {
  const element = document.createElement("div");
  element.className = `log-mark is-${row.code}`;
  element.dataset.number = row.number;
  const source = settings.sources.size > 1 && !OF_VIEW.has(row.code) && settings.sources.get(row.source);
  const text = span("log-said", source ? `${source.name}: ${row.text}` : row.text);
  text.title = text.textContent; // a narrow screen cuts it
  element.append(text);
  if (GAPS.has(row.code) || row.until) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "log-more";
    if (row.code === "edge") button.dataset.logEdge = "";
    else button.dataset.gap = row.number;
    button.textContent = settings.words.fetch;
    element.append(button);
  }
  return element;
}

function span(classes, text, title = "") {
  const element = document.createElement("span");
  if (classes) element.className = classes;
  if (title) element.title = title;
  element.textContent = text;
  return element;
}
