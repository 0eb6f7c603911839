/** Sizes and rates in few letters, as the server writes them. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const STEP = 1024;

/** 1536 -> "1.5 KiB" */
export function size(bytes) {
  let at = 0;
  while (bytes >= STEP && at < UNITS.length - 1) {
    bytes /= STEP;
    at += 1;
  }
  return `${at && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${UNITS[at]}`;
}

/** 1536 -> "1.5 KiB/s" */
export function rate(bytes) {
  return `${size(bytes)}/s`;
}

/** 7.25 -> "7.3 %" */
export function percent(value) {
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} %`;
}
