/** Tables: ticks with ranges, the bar for chosen rows, columns, density and page size. */
import { live } from "./live.js";
import { postForm } from "./post.js";
import { leaving, onVisit, visit } from "./visit.js";
import { fill } from "./words.js";

let lastTick = null;

function ticks(root = document) {
  return [...root.querySelectorAll("input[data-tick]")].filter((box) => !box.closest("[inert]"));
}

function bar() {
  return document.querySelector("[data-bulk-bar]");
}

function everything() {
  return document.querySelector("[data-bulk-everything]");
}

/** Draw the bar for what is chosen now. */
function draw() {
  const box = bar();
  if (!box) return;
  const all = ticks();
  const chosen = all.filter((one) => one.checked).length;
  const total = Number(document.querySelector("[data-live-fragment][data-total]")?.dataset.total ?? box.dataset.total);
  const whole = Boolean(everything()?.value);
  const count = whole ? total : chosen;
  const root = document.documentElement;
  if (count) root.dataset.bulk = "open";
  else delete root.dataset.bulk;
  box.querySelector("[data-bulk-count]").textContent = count ? fill("chosen", { n: count }) : "";
  const more = box.querySelector("[data-bulk-all]");
  if (more) {
    more.textContent = fill("all_match", { n: total });
    more.hidden = whole || total <= chosen;
  }
  const head = document.querySelector("input[data-tick-all]");
  if (head) {
    head.checked = chosen > 0 && chosen === all.length;
    head.indeterminate = chosen > 0 && chosen < all.length;
  }
}

function clear() {
  for (const box of ticks()) box.checked = false;
  if (everything()) everything().value = "";
  draw();
}

function range(box) {
  const all = ticks();
  const [from, to] = [all.indexOf(lastTick), all.indexOf(box)].sort((a, b) => a - b);
  if (from < 0) return;
  for (const one of all.slice(from, to + 1)) one.checked = box.checked;
}

function clicked(event) {
  const box = event.target.closest("input[data-tick]");
  if (box) {
    if (event.shiftKey && lastTick?.isConnected) range(box);
    lastTick = box;
    if (everything()) everything().value = "";
    draw();
  } else if (event.target.closest("input[data-tick-all]")) {
    for (const one of ticks()) one.checked = event.target.checked;
    if (everything()) everything().value = "";
    draw();
  } else if (event.target.closest("[data-bulk-link]")) takeChoice(event.target.closest("[data-bulk-link]"));
  else if (event.target.closest("[data-bulk-clear]")) clear();
  else if (event.target.closest("[data-bulk-all]")) {
    for (const one of ticks()) one.checked = true;
    everything().value = "1";
    draw();
  }
}

/** A link for the chosen rows: theirs alone, unless all that match are meant. */
function takeChoice(link) {
  link.dataset.everything ??= link.search;
  const chosen = ticks().filter((box) => box.checked).map((box) => [link.dataset.bulkLink, box.value]);
  link.search = everything()?.value ? link.dataset.everything : new URLSearchParams(chosen);
}

/** Show and hide columns at once (table.css has their names); the server remembers. */
function applyColumns(form) {
  for (const box of form.querySelectorAll("input[type=checkbox][name=columns]")) {
    for (const table of document.querySelectorAll(".grid-table")) {
      table.classList.toggle(`hide-${box.value}`, !box.checked);
    }
  }
  askForColumns(form);
  const compact = form.querySelector("[name=density][value=compact]")?.checked;
  for (const frame of document.querySelectorAll(".table-frame")) frame.classList.toggle("is-compact", compact);
}

/** A live table whose arguments name its columns has no cells for the others: ask for them. */
function askForColumns(form) {
  const shown = [...form.querySelectorAll("input[type=checkbox][name=columns]:checked")].map((box) => box.value);
  for (const topic of document.querySelectorAll("[data-live-args*='columns=']")) {
    const args = new URLSearchParams(topic.dataset.liveArgs);
    args.set("columns", shown.join(" "));
    topic.dataset.liveArgs = args.toString();
  }
  live.topicsChanged();
}

function changed(event) {
  const form = event.target.closest("[data-columns]");
  if (form) {
    applyColumns(form);
    postForm(form, null, { Accept: "application/json" });
    return;
  }
  const sizes = event.target.closest("[data-page-size]");
  if (sizes) saveSize(sizes);
}

async function saveSize(form) {
  const left = leaving();
  await postForm(form, null, { Accept: "application/json" });
  if (left()) return;
  const address = new URL(location.href);
  for (const name of ["page", "size"]) address.searchParams.delete(name);
  visit(address);
}

/** Begin. */
export function startTables() {
  document.addEventListener("click", clicked);
  document.addEventListener("change", changed);
  document.addEventListener("live:list", draw);
  document.addEventListener("live:total", draw);
  document.addEventListener("action:done", (event) => event.target.closest("dialog") && clear());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.documentElement.dataset.bulk && !document.querySelector("dialog[open],:popover-open")) clear();
  });
  onVisit(leaveChoice);
  draw();
}

/** The bar for chosen rows belongs to the page that is left. */
function leaveChoice() {
  delete document.documentElement.dataset.bulk;
  draw();
}
