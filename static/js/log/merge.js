/** Puts lines in among others, in order of time. */
import { Lines } from "./lines.js";
import { inserted } from "./moves.js";

/**
 * Put lines in among lines `from` to `to` of a store. Each side keeps its own order, whatever its times. Returns how the
 * numbers change.
 */
export function mergeInto(store, from, to, added) {
  if (!added.count) return (number) => number;
  const times = added.time.subarray(0, added.count);
  let last = -Infinity;
  for (let at = 0; at < times.length; at += 1) if (times[at] > last) last = times[at];
  while (from < to && timeOf(store, from) < times[0]) from += 1;
  while (from < to && timeOf(store, to - 1) > last) to -= 1;
  const places = new Uint32Array(added.count).fill(from);
  if (from === to) store.replace(from, to, added);
  else store.replace(from, to, merged(store.range(from, to), added, (at, before) => { places[at] = from + before; }));
  return inserted(places);
}

/** Return lines of both in order of time; `tell(at, before)`: line `at` of the added comes after so many of the others. */
export function merged(lines, added, tell = () => {}) {
  const all = new Lines();
  let next = 0;
  for (let at = 0; at < added.count; at += 1) {
    for (; next < lines.count && lines.time[next] < added.time[at]; next += 1) all.take(lines, next);
    tell(at, next);
    all.take(added, at);
  }
  for (; next < lines.count; next += 1) all.take(lines, next);
  return all;
}

/** Return lines of all in order of time. */
export function mergedAll(parts) {
  let left = parts.filter((lines) => lines.count);
  while (left.length > 1) {
    const pairs = [];
    for (let at = 0; at < left.length; at += 2) pairs.push(at + 1 < left.length ? merged(left[at], left[at + 1]) : left[at]);
    left = pairs;
  }
  return left[0] || new Lines();
}

function timeOf(store, number) {
  const [lines, at] = store.locate(number);
  return lines.time[at];
}
