/** From a line's bytes to what is shown of it. */
const decoder = new TextDecoder();
const SEQUENCES =
  // eslint-disable-next-line no-control-regex
  /\x1b\[[0-?]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

/** Return bytes as text: invalid UTF-8 replaced, of what a carriage return overwrote the last part. */
export function textOf(bytes) {
  const text = decoder.decode(bytes);
  if (!text.includes("\r")) return text;
  return text.split("\r").findLast((part) => part) ?? "";
}

/** Return a text without colours and other control sequences: what a reader sees, searches and copies. */
export function plain(text) {
  return CONTROL.test(text) ? text.replace(SEQUENCES, "") : text;
}

/** Return how many columns of a terminal a text takes. */
export function columns(text) {
  let wide = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    if (code === 9) wide += 8 - (wide % 8);
    else wide += isWide(code) ? 2 : 1;
  }
  return wide;
}

const isWide = (code) =>
  code >= 0x1100 &&
  (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd));
