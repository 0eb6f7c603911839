/** Toasts: what was begun and how it ended. A job's toast is one toast from beginning to end. */
import { live } from "./live.js";
import { onVisit } from "./visit.js";
import { word } from "./words.js";

const STAYS = { success: 5000, info: 6000, busy: 20000, warning: 10000, error: 0 };
const MOST = 4;
const timers = new WeakMap();
const ended = new Set(); // jobs: a quick one ends before the page has the answer that says it began

function iconFor(level) {
  const icons = document.getElementById("toast-icons");
  const found = icons?.content.querySelector(`[data-for="${level}"]`);
  const icon = found?.cloneNode(true) || document.createElement("i");
  icon.setAttribute("aria-hidden", "true");
  return icon;
}

function closeButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "toast-close";
  button.dataset.toastClose = "";
  button.setAttribute("aria-label", word("close"));
  const icon = document.createElement("i");
  icon.className = "qi qi-x";
  button.append(icon);
  return button;
}

function fillToast(item, { level, message, href }) {
  const words = document.createElement("span");
  words.className = "toast-words";
  words.textContent = message;
  const parts = [iconFor(level), words];
  if (href) {
    const link = document.createElement("a");
    link.href = href;
    link.textContent = word("show_job");
    parts.push(link);
  }
  item.dataset.level = level;
  item.replaceChildren(...parts, closeButton());
  leaveLater(item, STAYS[level] ?? STAYS.info);
}

function leaveLater(item, after) {
  clearTimeout(timers.get(item));
  if (!after) return;
  const leave = () => {
    if (item.matches(":hover, :focus-within")) leaveLater(item, 1500);
    else item.remove();
  };
  timers.set(item, setTimeout(leave, after));
}

/** Show a toast (text only). One with the `href` of a toast on screen takes that one's place. */
export function toast(said) {
  const box = document.getElementById("toasts");
  if (!box) return;
  const level = STAYS[said.level] === undefined ? "info" : said.level;
  const href = typeof said.href === "string" && said.href.startsWith("/") ? said.href : "";
  const same = href && [...box.children].find((one) => one.dataset.href === href);
  if (level === "busy" && (ended.has(href) || href === location.pathname)) return;
  if (!same && ended.has(href)) return; // it was closed, and a new socket says it again
  if (href && level !== "busy") ended.add(href);
  const item = same || document.createElement("li");
  item.className = "toast";
  item.dataset.href = href;
  fillToast(item, { level, message: String(said.message), href });
  if (!same) box.append(item);
  while (box.childElementCount > MOST) box.firstElementChild.remove();
}

/** The server's own messages, which came with a page. */
function showMessages(page) {
  for (const { dataset, textContent } of page.querySelectorAll("[data-toast]")) {
    toast({ level: dataset.level, message: textContent.trim() });
  }
}

/** A job's own page tells how far it is. */
function leaveJob() {
  for (const item of [...document.querySelectorAll("#toasts > [data-level=busy]")]) {
    if (item.dataset.href === location.pathname) item.remove();
  }
}

/** Begin: show the server's own messages, and listen. */
export function startToasts() {
  showMessages(document);
  for (const item of document.querySelectorAll("[data-toast]")) item.remove();
  onVisit(leaveJob);
  onVisit(showMessages);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
  });
  live.on("toast", toast);
}
