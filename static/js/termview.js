/** xterm.js as we use it: our colours, the size of its place, copy and paste. */
import { copyText } from "./copy.js";
import { FitAddon } from "../vendor/xterm/addon-fit.mjs";
import { Terminal } from "../vendor/xterm/xterm.mjs";
import { withSheets } from "./termsheets.js";

const SCROLLBACK = 10000;
const SMALL = 640;
const TYPED_AT_ONCE = 16 * 1024; // bytes in one frame
const encoder = new TextEncoder();
// The sixteen colours; what cannot be read on the ground is made readable by xterm.js itself.
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const PALETTES = {
  dark: ["#3a4a5a", "#ee5f5f", "#3fb67d", "#e7b543", "#589fee", "#c58af9", "#3fc1d1", "#c9d3dc"],
  light: ["#1c2733", "#c22a2a", "#19733f", "#8a6100", "#0b5cb5", "#8a3fb0", "#0d7285", "#66727e"],
  bright: {
    dark: ["#7b8d9e", "#ff9090", "#63cf9b", "#f2d06c", "#7bb8ff", "#dcb3ff", "#7fe0ec", "#f2f6fa"],
    light: ["#4d5b69", "#d63a3a", "#2a8d54", "#9a6c00", "#2b6fd0", "#a04fc8", "#14899f", "#8a96a2"],
  },
};

/** What a colour of ours is now, whichever theme. */
function colourOf(place, name) {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(${name})`;
  place.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function themeOf(place) {
  const colour = (name) => colourOf(place, name);
  const ground = colour("--surface");
  const [red, green, blue] = ground.match(/[\d.]+/g).map(Number);
  const kind = red + green + blue < 384 ? "dark" : "light";
  const theme = {
    background: ground,
    foreground: colour("--ink"),
    cursor: colour("--link"),
    cursorAccent: ground,
    selectionBackground: kind === "dark" ? "#2c5a8c" : "#b7d4f5",
    selectionInactiveBackground: kind === "dark" ? "#2b3d50" : "#d9e2ea",
    scrollbarSliderBackground: colour("--line-strong"),
    scrollbarSliderHoverBackground: colour("--ink-faint"),
    scrollbarSliderActiveBackground: colour("--ink-faint"),
  };
  for (const [at, name] of NAMES.entries()) {
    theme[name] = PALETTES[kind][at];
    theme[`bright${name[0].toUpperCase()}${name.slice(1)}`] = PALETTES.bright[kind][at];
  }
  return theme;
}

export class TermView {
  #place;
  #term;
  #fit = new FitAddon();
  #stops = [];
  #quiet = 0; // replays under way: what xterm answers to old questions is not typed
  #control = false; // the next letter comes with Ctrl

  /** `on`: typed(bytes), resized(size), key(event) that may return false to keep a key for itself. */
  constructor(place, on) {
    this.#place = place;
    this.on = on;
    this.#term = new Terminal({
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: getComputedStyle(place).fontFamily,
      fontSize: innerWidth < SMALL ? 12 : 13,
      lineHeight: 1.2,
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
      rightClickSelectsWord: false,
      scrollback: SCROLLBACK,
      theme: themeOf(place),
    });
    this.#term.loadAddon(this.#fit);
    withSheets(() => this.#term.open(place));
    this.#term.onData((text) => this.#typed(encoder.encode(this.#withControl(text))));
    this.#term.onBinary((text) => this.#typed(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    this.#term.onResize(() => on.resized(this.size));
    this.#term.attachCustomKeyEventHandler((event) => this.#key(event));
    this.#follow();
    this.fit();
  }

  /** The place's size, the theme of the page and of the system. */
  #follow() {
    const sized = new ResizeObserver(() => this.fit());
    sized.observe(this.#place);
    const recolour = () => (this.#term.options.theme = themeOf(this.#place));
    const themed = new MutationObserver(recolour);
    themed.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", recolour);
    this.#stops = [
      () => sized.disconnect(),
      () => themed.disconnect(),
      () => system.removeEventListener("change", recolour),
    ];
  }

  get size() {
    return { cols: this.#term.cols, rows: this.#term.rows };
  }

  fit() {
    if (this.#place.clientWidth) this.#fit.fit();
  }

  focus() {
    this.#term.focus();
  }

  reset() {
    this.#term.reset();
  }

  /** Show bytes; `done` runs when they are on the screen. `replay`: they were shown before. */
  write(bytes, done, replay = false) {
    this.#quiet += replay;
    this.#term.write(bytes, () => {
      this.#quiet -= replay;
      done?.();
    });
  }

  /** May be typed into. */
  set open(open) {
    this.#term.options.disableStdin = !open;
    this.#term.options.cursorInactiveStyle = open ? "outline" : "none";
  }

  stop() {
    for (const stop of this.#stops) stop();
    this.#term.dispose();
  }

  // --- Typing ---------------------------------------------------------------------------------

  #typed(bytes) {
    if (this.#quiet) return;
    for (let at = 0; at < bytes.length; at += TYPED_AT_ONCE) this.on.typed(bytes.subarray(at, at + TYPED_AT_ONCE));
  }

  /** Keys of the bar for fingers. */
  press(text) {
    if (text === "Ctrl") this.#control = !this.#control;
    else this.#term.input(text);
    this.focus();
    return this.#control;
  }

  #withControl(text) {
    if (!this.#control || text.length !== 1) return text;
    this.#control = false;
    this.on.control(false);
    return String.fromCharCode(text.toUpperCase().charCodeAt(0) & 31);
  }

  #key(event) {
    if (event.type !== "keydown") return true;
    const { code, ctrlKey, shiftKey, key } = event;
    if (ctrlKey && shiftKey && code === "KeyC") {
      event.preventDefault(); // Chromium's tools
      this.copy();
      return false;
    }
    if ((ctrlKey && shiftKey && code === "KeyV") || (shiftKey && key === "Insert")) return false; // the browser pastes
    if (ctrlKey && key === "Insert") {
      this.copy();
      return false;
    }
    return this.on.key(event) !== false;
  }

  // --- Copying and pasting ----------------------------------------------------------------------

  /** What is selected, else what the screen shows. */
  text() {
    if (this.#term.hasSelection()) return this.#term.getSelection();
    const buffer = this.#term.buffer.active;
    const lines = Array.from({ length: this.#term.rows }, (_, row) => buffer.getLine(buffer.viewportY + row));
    return lines.map((line) => line?.translateToString(true) ?? "").join("\n").trimEnd();
  }

  async copy() {
    await copyText(this.text());
    this.focus();
  }

  /** Paste what the clipboard holds, where browsers let pages read it. */
  async paste() {
    const text = await navigator.clipboard?.readText().catch(() => "");
    if (text) this.#term.paste(text);
    this.focus();
    return Boolean(text);
  }
}
