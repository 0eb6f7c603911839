/** Keep "3 min ago" right, and write exact times in the reader's own zone. */
import { onFresh } from "./patch.js";
import { onVisit } from "./visit.js";
import { fill, word } from "./words.js";

// The same as AGES in dashboard/templatetags/words.py.
const AGES = [
  [365 * 86400, 730 * 86400, "years"],
  [30 * 86400, 60 * 86400, "months"],
  [86400, 48 * 3600, "days"],
  [3600, 3600, "hours"],
  [60, 60, "minutes"],
  [1, 5, "seconds"],
];
const EVERY = 5000;

/** How exact times are written here. */
export const exact = formatIn(document.documentElement.dataset.zone || undefined);

/** The zone is the reader's preference; without one, or where it is unknown, the browser's. */
function formatIn(timeZone) {
  const style = { dateStyle: "medium", timeStyle: "long", timeZone };
  try {
    return new Intl.DateTimeFormat(document.documentElement.lang || undefined, style);
  } catch {
    return new Intl.DateTimeFormat(undefined, { ...style, timeZone: undefined });
  }
}

function agoText(then, now) {
  const seconds = (now - then) / 1000;
  for (const [unit, since, key] of AGES) {
    if (Math.abs(seconds) < since) continue;
    const text = fill(key, { n: Math.floor(Math.abs(seconds) / unit) });
    return seconds > 0 ? text : fill("in", { what: text.replace(word("ago"), "") });
  }
  return word("now");
}

function setText(element, text) {
  if (element.firstChild?.nodeType === Node.TEXT_NODE && element.childNodes.length === 1) {
    if (element.firstChild.data !== text) element.firstChild.data = text;
  } else if (element.textContent !== text) element.textContent = text;
}

function writeAges(root, now = Date.now()) {
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const then = Date.parse(time.dateTime);
    if (!Number.isNaN(then)) setText(time, agoText(then, now));
  }
}

function writeMoments(root) {
  for (const time of root.querySelectorAll("time[data-moment]")) {
    const then = Date.parse(time.dateTime);
    if (!Number.isNaN(then)) setText(time, exact.format(then));
  }
}

/** The exact time of an age, written when somebody points at it: hundreds are never looked at. */
function writeTitle(event) {
  const time = event.target.closest?.("time[data-ago]");
  const then = time ? Date.parse(time.dateTime) : Number.NaN;
  if (!Number.isNaN(then)) time.title = exact.format(then);
}

function update(root) {
  writeAges(root);
  writeMoments(root);
}

/** Begin: moments now, ages (fresh from the server) every few seconds while somebody looks. */
export function startAgo() {
  writeMoments(document);
  onFresh(update);
  onVisit(() => update(document));
  setInterval(() => document.hidden || writeAges(document), EVERY);
  document.addEventListener("pointerover", writeTitle);
  document.addEventListener("visibilitychange", () => document.hidden || writeAges(document));
  addEventListener("pageshow", (event) => event.persisted && writeAges(document));
  document.addEventListener("htmx:afterSettle", (event) => update(event.target));
}
