/** What an engine had left out when it gave some lines, found by comparing them with what it gives now. */
import { Lines, MARK } from "./lines.js";

const NEAR = 0.001; // ms: times are kept as numbers, which are not as fine as an engine's

/**
 * Return the lines of `given` that a view lacks of a source between two times (ms), whether it `reaches`: the engine still
 * has the first ones of that time, and whether it `ends` where it should: a lost host just ends it. `twice`: the numbers of
 * lines that the view has more often than the engine, which gives some twice when it loses its place.
 */
export function compared(store, source, given, since, until) {
  const there = new Map(); // a line's time, stream and text -> how often
  let first = null;
  let last = -Infinity;
  for (const lines of store.segments) {
    for (let at = 0; at < lines.count; at += 1) {
      const time = lines.time[at];
      if (lines.stream(at) === MARK || lines.source(at) !== source.index || time < since - NEAR || time > until + NEAR) continue;
      last = time;
      first ??= { time, text: store.text(lines, at) };
      const key = keyOf(store, lines, at);
      there.set(key, (there.get(key) || 0) + 1);
    }
  }
  const missing = new Lines();
  const matched = new Set();
  for (let at = 0; first && at < given.count; at += 1) {
    const key = keyOf(store, given, at);
    const left = there.get(key) || 0;
    if (left) {
      there.set(key, left - 1);
      matched.add(key);
    }
    else if (inside(store, given, at, first, until)) missing.take(given, at);
  }
  const some = Boolean(first) && given.count > 0;
  const reaches = some && given.time[0] <= first.time + NEAR;
  const ends = !some || given.time[given.count - 1] >= last - NEAR;
  return { missing, reaches, ends, twice: reaches && ends ? surplus(store, source, there, matched) : [] };
}

/** Return the numbers of the lines that are there more often than they were given, the later ones of each. */
function surplus(store, source, there, matched) {
  const left = new Map([...there].filter(([key, count]) => count > 0 && matched.has(key)));
  const found = [];
  let number = store.count;
  for (const lines of [...store.segments].reverse()) {
    for (let at = lines.count - 1; left.size && at >= 0; at -= 1) {
      number -= 1;
      if (lines.stream(at) === MARK || lines.source(at) !== source.index) continue;
      const key = keyOf(store, lines, at);
      const count = left.get(key);
      if (!count) continue;
      found.push(number);
      if (count > 1) left.set(key, count - 1);
      else left.delete(key);
    }
  }
  return found.reverse();
}

/** Whether a line lies between: those at both ends may be the rest of long ones, and are there already. */
function inside(store, lines, at, first, until) {
  const time = lines.time[at];
  if (time < first.time - NEAR || time > until - NEAR) return false;
  return at > 0 || Math.abs(time - first.time) > NEAR || !first.text.endsWith(store.text(lines, at));
}

const keyOf = (store, lines, at) => `${lines.time[at]} ${lines.stream(at)} ${store.text(lines, at)}`;
