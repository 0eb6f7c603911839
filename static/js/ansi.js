/**
 * Colours and styles of terminals as spans with classes; all other control sequences are dropped.
 *
 * Text becomes text nodes only. The rules of the colours that a page uses go into a style sheet of
 * its own, so that a strict policy holds; they are darkened or lightened to be readable.
 */
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /\x1b\[([\d;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
const BASE = [
  0x000000, 0xcc2222, 0x22aa44, 0xb58900, 0x2266dd, 0xaa44bb, 0x1199aa, 0xc8ccd0,
  0x707880, 0xff5555, 0x50dd77, 0xf0d050, 0x66a0ff, 0xee77ee, 0x55ddee, 0xffffff,
];
const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"] };
const GROUNDS = { light: 0xfdfdfe, dark: 0x15202b };
const READABLE = 4.6;

const sheet = new CSSStyleSheet();
const known = new Set();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

// --- Colours --------------------------------------------------------------------------------

const parts = (rgb) => [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255];

function rgbOf(number) {
  if (number < 16) return BASE[number];
  if (number > 231) return (8 + 10 * (number - 232)) * 0x010101;
  const level = (value) => (value ? 55 + 40 * value : 0);
  const at = number - 16;
  return (level(Math.floor(at / 36)) << 16) | (level(Math.floor(at / 6) % 6) << 8) | level(at % 6);
}

function luminance(rgb) {
  const [r, g, b] = parts(rgb).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Mix towards black or white until it can be read on the ground. */
function readable(rgb, ground, towards) {
  for (let share = 0; share < 1; share += 0.08) {
    const [r, g, b] = parts(rgb).map((value) => Math.round(value + (towards - value) * share));
    const mixed = (r << 16) | (g << 8) | b;
    if (contrast(mixed, ground) >= READABLE) return mixed;
  }
  return towards ? 0xffffff : 0;
}

const css = (rgb) => `#${rgb.toString(16).padStart(6, "0")}`;

function rule(kind, number) {
  const rgb = rgbOf(number);
  if (kind === "fx") return `color:${css(rgb)}`;
  if (kind === "bg") return `background:${css(rgb)};color:${luminance(rgb) > 0.18 ? "#000" : "#fff"}`;
  const light = css(readable(rgb, GROUNDS.light, 0));
  return `color:light-dark(${light},${css(readable(rgb, GROUNDS.dark, 255))})`;
}

/** The class of a colour; its rule is made when it is first used. */
function colour(kind, number) {
  const name = `ansi-${kind}-${number}`;
  if (!known.has(name)) {
    known.add(name);
    // What is written on a coloured ground comes last, so that it wins over the ground's own.
    sheet.insertRule(`.${name}{${rule(kind, number)}}`, kind === "fx" ? sheet.cssRules.length : 0);
  }
  return name;
}

/** The nearest of the 256 to a colour of 24 bits. */
function nearest(r, g, b) {
  const level = (value) => (value < 48 ? 0 : value < 115 ? 1 : Math.min(5, Math.floor((value - 35) / 40)));
  return 16 + 36 * level(r) + 6 * level(g) + level(b);
}

// --- Sequences ------------------------------------------------------------------------------

/** Read `38;5;n` or `38;2;r;g;b` at `at`. Returns the colour and how many numbers it took. */
function extended(codes, at) {
  const limit = (value) => Math.min(255, value || 0);
  if (codes[at + 1] === 5) return [limit(codes[at + 2]), 2];
  if (codes[at + 1] === 2) return [nearest(...codes.slice(at + 2, at + 5).map(limit)), 4];
  return [null, 1];
}

function apply(style, text) {
  const codes = text.split(/[;:]/).map((code) => Number(code) || 0);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) for (const key of Object.keys(style)) delete style[key];
    else if (FLAGS[code]) style[FLAGS[code]] = true;
    else if (ENDS[code]) for (const flag of ENDS[code]) delete style[flag];
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 90 && code <= 97) style.fg = code - 82;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 100 && code <= 107) style.bg = code - 92;
    else if (code === 39) delete style.fg;
    else if (code === 49) delete style.bg;
    else if (code === 38 || code === 48) {
      const [number, taken] = extended(codes, at);
      if (number !== null) style[code === 38 ? "fg" : "bg"] = number;
      at += taken;
    }
  }
}

function classesOf(style) {
  let { fg, bg } = style;
  if (style.inverse) [fg, bg] = [bg, fg];
  const names = Object.values(FLAGS).filter((flag) => style[flag] && flag !== "inverse");
  const found = names.map((name) => `ansi-${name}`);
  if (style.inverse && fg === undefined && bg === undefined) found.push("ansi-inverse");
  if (bg !== undefined) found.push(colour("bg", bg));
  if (fg !== undefined) found.push(colour(bg === undefined ? "fg" : "fx", fg));
  return found.join(" ");
}

/** Put a line's text into an element. */
export function render(element, text) {
  if (!CONTROL.test(text)) {
    element.textContent = text;
    return;
  }
  element.textContent = "";
  const style = {};
  let from = 0;
  const put = (to) => {
    if (to <= from) return;
    const classes = classesOf(style);
    const piece = text.slice(from, to);
    if (!classes) return element.append(piece);
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = piece;
    element.append(span);
  };
  for (const found of text.matchAll(SEQUENCE)) {
    put(found.index);
    if (found[1] !== undefined) apply(style, found[1]);
    from = found.index + found[0].length;
  }
  put(text.length);
}
