/** How an engine is asked for a part of a log: by its own times, and by how many entries from the end. */
export const PAGE = 10_000; // older lines that are fetched at once
const SPARE = 200; // entries more than asked for: some may have been written meanwhile

/** Return how many of a log's last entries are asked for, to get so many that are older than those that are there. */
export function tailOf(source, count) {
  return source.reader.entries + source.older + count + SPARE;
}

/** Return a time as an engine writes it as ms. */
export function msOf(words) {
  const fraction = /\.\d+/.exec(words)?.[0] || "";
  return Date.parse(words.replace(fraction, "")) + Number(`0${fraction}`) * 1000;
}

/** Return until when an engine is asked for a line of this time (ms) and older ones: Podman tells whole seconds only. */
export function untilAt(ms) {
  return timeAt(ms, ms % 1000 ? 1 : 999_999);
}

/** Return ms as an engine writes times, moved by some microseconds. */
export function timeAt(ms, microseconds = 0) {
  const micros = Math.round(ms * 1000) + microseconds;
  const seconds = Math.floor(micros / 1e6);
  const rest = String(micros - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${rest}Z`;
}
