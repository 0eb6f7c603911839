/** What an engine had left out when it gave some lines, found by comparing them with what it gives now. */
import { Lines, MARK } from "./lines.js";

const NEAR = 0.001; // ms: times are kept as numbers, which are not as fine as an engine's

/**
 * Return the lines of `given` that a view lacks of a source between two times (ms), whether it `reaches`: the engine still
 * has the first ones of that time, and whether it `ends` where it should: a lost host just ends it.
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
  for (let at = 0; first && at < given.count; at += 1) {
    const key = keyOf(store, given, at);
    const left = there.get(key) || 0;
    if (left) there.set(key, left - 1);
    else if (inside(store, given, at, first, until)) missing.take(given, at);
  }
  const some = Boolean(first) && given.count > 0;
  const reaches = some && given.time[0] <= first.time + NEAR;
  return { missing, reaches, ends: !some || given.time[given.count - 1] >= last - NEAR };
}

/** Whether a line lies between: those at both ends may be the rest of long ones, and are there already. */
function inside(store, lines, at, first, until) {
  const time = lines.time[at];
  if (time < first.time - NEAR || time > until - NEAR) return false;
  return at > 0 || Math.abs(time - first.time) > NEAR || !first.text.endsWith(store.text(lines, at));
}

const keyOf = (store, lines, at) => `${lines.time[at]} ${lines.stream(at)} ${store.text(lines, at)}`;
