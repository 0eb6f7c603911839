/**
 * What a line says of itself: its level, its fields (JSON or logfmt), and whether it goes on with the line before.
 * Nothing here can take long: every expression is linear.
 */
export const LEVELS = ["error", "warn", "info", "debug", "trace"];

const NAMES = {
  emerg: "error", alert: "error", crit: "error", critical: "error", fatal: "error", panic: "error", error: "error", err: "error",
  severe: "error", warning: "warn", warn: "warn", notice: "info", info: "info", information: "info", debug: "debug", dbg: "debug", fine: "debug",
  trace: "trace", verbose: "trace",
};
const NUMBERS = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "error" }; // pino, bunyan
const FIELD = /"?\b(?:level|lvl|severity|loglevel|log\.level)"?\s?[=:]\s?"?([A-Za-z]{3,11}|[1-6]0)\b/i;
const WORD = /\b(EMERG|ALERT|CRIT|CRITICAL|FATAL|PANIC|ERROR|ERR|SEVERE|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE|VERBOSE)\b/;
const BRACKETED = /[[(<](emerg|alert|crit|critical|fatal|panic|error|err|warning|warn|notice|info|debug|trace)[\])>]/;
const LEADING = /^\s*(?:[\d\-:.,TZ/ +]{0,40})(error|warning|warn|info|debug|trace|fatal|panic)\b\s?[:|\]]/i;
const LOOK = 240; // letters in which a level is looked for

/** Return the level that a text names, "" for none. */
export function levelOf(text) {
  const head = text.length > LOOK ? text.slice(0, LOOK) : text;
  const field = FIELD.exec(head);
  if (field) return NUMBERS[field[1]] || NAMES[field[1].toLowerCase()] || "";
  const found = WORD.exec(head) || BRACKETED.exec(head) || LEADING.exec(head);
  return found ? NAMES[found[1].toLowerCase()] : "";
}

const INDENTED = /^(?:\s+\S|Caused by: |Suppressed: |\.\.\. \d+ more|During handling of |The above exception |\}\s*$|\)\s*$)/;
const PYTHON_END = /^[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Fault)\b/;
const TRACEBACK = /^Traceback \(most recent call last\)/;

/** Return whether a text belongs to the line before it, as in stack traces; `before` is that line's text. */
export function goesOn(text, before) {
  if (INDENTED.test(text)) return true;
  return (PYTHON_END.test(text) && /^\s/.test(before)) || (TRACEBACK.test(text) && before !== "" && levelOf(before) === "error");
}

/** Return the fields of a line of JSON or logfmt as `[name, value]`s, null when it is neither. */
export function fieldsOf(text) {
  return jsonFields(text) || logfmtFields(text);
}

function jsonFields(text) {
  const start = text.indexOf("{");
  if (start < 0 || start > 60 || !text.trimEnd().endsWith("}")) return null;
  try {
    const said = JSON.parse(text.slice(start));
    return Object.entries(said).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  } catch {
    return null;
  }
}

const PAIR = /([A-Za-z_][\w.\-/@]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)/g;
const FEWEST = 2;

function logfmtFields(text) {
  if (!text.includes("=")) return null;
  const found = [];
  let covered = 0;
  for (const [whole, name, value] of text.matchAll(PAIR)) {
    covered += whole.length + 1;
    found.push([name, value.startsWith('"') ? unquoted(value) : value]);
  }
  return found.length >= FEWEST && covered > text.length * 0.6 ? found : null;
}

function unquoted(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value.slice(1, -1);
  }
}
