/**
 * Menus: native popovers, placed at their button; arrow keys walk; one menu serves all rows.
 *
 * A menu with `hx-get` and `hx-trigger="menuopen"` is fetched whenever it opens.
 */
import { visit } from "./visit.js";

const GAP = 4;

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const below = innerHeight - at.bottom - GAP;
  const top = box.height <= below || below > at.top ? at.bottom + GAP : at.top - GAP - box.height;
  const left = Math.min(Math.max(8, at.left), innerWidth - box.width - 8);
  // Set by script on the element itself, which a strict policy allows.
  menu.style.top = `${Math.max(8, top)}px`;
  menu.style.left = `${at.left + box.width > innerWidth - 8 ? Math.max(8, at.right - box.width) : left}px`;
}

function items(menu) {
  return [...menu.querySelectorAll("a[href],button,input")].filter((one) => !one.disabled && one.offsetParent);
}

function walk(event) {
  const menu = event.target.closest("[data-menu]");
  if (event.key === "Enter" && event.target.matches("[data-menu] .switch-filter")) goToFirst(menu);
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !by) return;
  const all = items(menu);
  const at = all.indexOf(document.activeElement);
  all[(at + by + all.length) % all.length]?.focus();
  event.preventDefault();
}

/** Open the one row menu for a row's button: its address, `data-acts`, `data-name`. */
function openRowMenu(button, menu) {
  const { acts, name } = button.dataset;
  const base = button.getAttribute("href");
  const allowed = new Set((acts || "").split(" "));
  menu.querySelector("[data-row-name]").textContent = name || "";
  menu.querySelector("[data-row-link]").href = base;
  for (const item of menu.querySelectorAll("[data-act]")) {
    item.hidden = !allowed.has(item.dataset.act);
    item.setAttribute(item.matches("a") ? "href" : "formaction", `${base}${item.dataset.act}/`);
  }
  tidyRules(menu);
  menu.showPopover();
  place(menu, button);
  items(menu)[0]?.focus({ preventScroll: true });
  menu.addEventListener("toggle", () => backTo(button, menu), { once: true });
}

/** What was fetched gets the focus: its filter, but not where that opens a keyboard of glass. */
function enter(menu) {
  const here = menu.querySelector("[aria-current]");
  here?.scrollIntoView({ block: "nearest" });
  const field = matchMedia("(pointer: coarse)").matches ? null : menu.querySelector("input");
  (field || here || items(menu)[0])?.focus({ preventScroll: true });
}

/** Go to the first that the filter leaves, once the list is of what was typed. */
function goToFirst(menu) {
  const list = menu.querySelector("[data-q]");
  if (list.dataset.q === menu.querySelector("input").value.trim()) follow(list.querySelector("a"));
  else menu.dataset.goes = "";
}

function follow(link) {
  if (link) visit(link.href);
}

function settled(event) {
  const menu = event.target.closest?.("[data-menu]:popover-open");
  if (event.target === menu) enter(menu);
  if (!menu || !("goes" in menu.dataset)) return;
  delete menu.dataset.goes;
  goToFirst(menu);
}

/** A rule between two groups, never at an end or twice. */
function tidyRules(menu) {
  let seen = false;
  for (const child of menu.children) {
    if (child.tagName === "HR") {
      child.hidden = !seen;
      seen = false;
    } else if (!child.hidden && !child.matches(".menu-title")) seen = true;
  }
}

function backTo(button, menu) {
  if (menu.matches(":popover-open")) {
    menu.addEventListener("toggle", () => backTo(button, menu), { once: true });
  } else if (document.activeElement === document.body) {
    (button.isConnected ? button : document.getElementById(button.id))?.focus({ preventScroll: true });
  }
}

/** Begin. */
export function startMenus() {
  document.addEventListener("keydown", walk);
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (event.newState !== "open" || !menu.matches?.("[data-menu]")) return;
      const button = menu.id && document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
      if (button) place(menu, button);
      menu.dispatchEvent(new Event("menuopen"));
    },
    true,
  );
  document.addEventListener("htmx:afterSettle", settled);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-menu]");
    const menu = document.getElementById("row-menu");
    if (!button || !menu || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    openRowMenu(button, menu);
  });
  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-menu] .menu-item:not(label)");
    if (item) setTimeout(() => item.closest("[data-menu]")?.hidePopover?.());
  });
}
