/**
 * The next page in place: links, GET forms and the back button exchange the page's parts
 * (`data-part`), while the frame's styles, fonts and scripts stay. A browser without the Navigation
 * API, and whatever is unusual, loads pages as ever. See docs/decisions/0008-pages-in-place.md.
 */
import { live } from "./live.js";

const VISIT = "visit"; // the info of a navigation that should be one
const SLOW_MS = 200;
const listeners = [];
let underWay = null; // the AbortController of the visit whose page is on its way
let stops = []; // what the page's own modules want done when it is left

/** Call `run` after each page that was put in place. */
export function onVisit(run) {
  listeners.push(run);
}

/** Go to a page of ours. */
export function visit(address) {
  if (window.navigation) navigate(address, { info: VISIT });
  else location.assign(address);
}

/** The promises only repeat what the events tell. */
function navigate(address, options) {
  const { committed, finished } = navigation.navigate(address, options);
  for (const promise of [committed, finished]) promise.catch(() => {});
}

function navigated(event) {
  if (!event.canIntercept || event.hashChange || event.formData || event.downloadRequest !== null) return;
  if (event.info?.page) put(event, () => exchange(event.info.page));
  else if (event.navigationType === "traverse") put(event, () => goBack(event));
  // Only what a person asked for: scripts that write addresses (htmx) mean the page that is there.
  else if (event.navigationType !== "reload" && (event.userInitiated || event.info === VISIT)) {
    event.preventDefault();
    goTo(event.destination.url, event.navigationType);
  }
}

function put(event, handler) {
  event.intercept({ handler, focusReset: "manual" });
}

/** The address changes when the page has come: until then the page that is there is the one it names. */
async function goTo(url, history) {
  const { page, address, signal } = await fetched(url);
  if (signal.aborted) return;
  if (page) navigate(address, { history, info: { page } });
  else location.assign(url);
}

/** Back or forward to a page that was put in place: the address is there already. */
async function goBack(event) {
  const { page, address, signal } = await fetched(event.destination.url, event.signal);
  if (signal.aborted) return;
  if (page && address === event.destination.url) exchange(page);
  else location.reload();
}

/** A page with its styles; without `page`, the browser should load it. A newer visit aborts an older one. */
async function fetched(url, left = null) {
  underWay?.abort();
  const visiting = (underWay = new AbortController());
  left?.addEventListener("abort", () => visiting.abort());
  const root = document.documentElement;
  const slow = setTimeout(() => (root.dataset.visiting = ""), SLOW_MS);
  const found = await read(url, visiting.signal).catch(() => ({}));
  clearTimeout(slow);
  if (underWay === visiting) delete root.dataset.visiting;
  return { ...found, signal: visiting.signal };
}

async function read(url, signal) {
  const answer = await fetch(url, { signal, headers: { Accept: "text/html" }, priority: "high" });
  if (!answer.headers.get("Content-Type")?.startsWith("text/html")) {
    answer.body?.cancel();
    return {};
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (appOf(page) !== appOf(document)) return {}; // another frame, or that of a newer version
  await addSheets(page);
  return { page, address: answer.redirected ? answer.url : url };
}

/** The address of the frame's script. */
function appOf(page) {
  return page.querySelector("script[data-app]")?.src;
}

function sheetsOf(page) {
  return [...page.head.querySelectorAll("link[rel=stylesheet]")];
}

async function addSheets(page) {
  const here = new Set(sheetsOf(document).map((sheet) => sheet.href));
  const lacking = sheetsOf(page).filter((sheet) => !here.has(sheet.href));
  await Promise.all(lacking.map((sheet) => addSheet(sheet.href)));
}

function addSheet(href) {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = href;
  return new Promise((done) => {
    sheet.onload = sheet.onerror = done;
    document.head.append(sheet);
  });
}

function exchange(page) {
  leaveParts();
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    for (const one of fresh.querySelectorAll("noscript")) one.remove(); // parsed as if no scripts ran
    part.replaceWith(fresh);
  }
  const wanted = new Set(sheetsOf(page).map((sheet) => sheet.href));
  for (const sheet of sheetsOf(document)) if (!wanted.has(sheet.href)) sheet.remove();
  document.title = page.title;
  arrive(page);
}

/** What belongs to the page that is left: questions that are open, answers that are on their way. */
function leaveParts() {
  for (const stop of stops) stop();
  stops = [];
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close("cancel");
  for (const asking of document.querySelectorAll(".htmx-request")) window.htmx.trigger(asking, "htmx:abort");
  delete document.documentElement.dataset.drawn;
}

function arrive(page) {
  for (const part of document.querySelectorAll("[data-part]")) {
    for (const asks of part.querySelectorAll("[hx-get],[hx-post]")) window.htmx.process(asks);
  }
  const said = document.getElementById("visited");
  if (said) said.textContent = document.title;
  const field = document.querySelector("[data-part] [data-focus],[data-part] [autofocus]");
  (field || document.getElementById("content")).focus({ preventScroll: !field });
  for (const run of listeners) run(page);
  live.renew();
  settle(page);
}

/** The page's own modules start; after the first frame, what is out of sight may be laid out (containers.css). */
function settle(page) {
  requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset.drawn = "")));
  for (const module of page.querySelectorAll("link[data-page-module]")) start(module.href);
}

async function start(href) {
  const left = stops;
  const { startPage } = await import(href);
  if (left !== stops) return; // gone on before it came
  const stop = startPage();
  if (stop) stops.push(stop);
}

/** Begin. */
export function startVisits() {
  settle(document);
  if (!window.navigation || !appOf(document)) return;
  navigation.addEventListener("navigate", navigated);
  // htmx keeps no history of its own beside this: it would load the page a second time.
  addEventListener("popstate", (event) => event.stopImmediatePropagation());
}
