/** The keyboard: search, go to, rows, help. Letters typed into a field stay letters. */
import { toggleTray } from "./tray.js";
import { visit } from "./visit.js";

const PATIENCE = 1200;
const PLACES = "fcihlbje";
let going = 0;

function typing(element) {
  return element.isContentEditable || element.matches("textarea,select,input:not([type=checkbox],[type=radio])");
}

function goTo(letter) {
  const link = document.querySelector(`.bottom-bar a[data-key=${letter}]`);
  if (link) visit(link.href);
  return Boolean(link);
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-live-list] > tr, .grid-table tbody > tr")];
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))];
  (row.querySelector(".name a") || row.querySelector("a,button,input"))?.focus();
  return true;
}

function tick(shift) {
  const box = document.activeElement?.closest("tr")?.querySelector("input[data-tick]");
  if (!box) return false;
  box.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: shift }));
  return true;
}

function pressed(event) {
  const { key } = event;
  if (Date.now() - going < PATIENCE && PLACES.includes(key)) {
    going = 0;
    return goTo(key);
  }
  going = key === "g" ? Date.now() : 0;
  if (key === "/") return focusSearch();
  if (key === "?") return openHelp();
  if (key === "t") return toggleTray() !== false;
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  if (key === "x" || key === "X") return tick(event.shiftKey);
  return false;
}

function focusSearch() {
  const field = document.querySelector("[data-search-here]") || document.querySelector("[data-search]");
  field?.focus();
  field?.select();
  return Boolean(field);
}

/** Show the list of keys. */
export function openHelp() {
  const help = document.getElementById("help");
  if (help && !help.open) help.showModal();
  return Boolean(help);
}

/** Begin. */
export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.matches("[data-search]")) return event.target.blur();
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (pressed(event)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-help]")) openHelp();
  });
}
