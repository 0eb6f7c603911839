/**
 * The next page in place: links, GET forms and the back button exchange the page's parts
 * (`data-part`), while the frame's styles, fonts and scripts stay. A browser without the Navigation
 * API, and whatever is unusual, loads pages as ever. See docs/decisions/0008-pages-in-place.md.
 */
import { live } from "./live.js";
import { addSheets, useSheets } from "./sheets.js";

const VISIT = "visit"; // the info of a navigation that should be one
const LOAD = "load"; // and of one that the browser should do
const FILE = /^\/api\/|\.(csv|json|txt)$/;
const SLOW_MS = 200;
const listeners = [];
let number = 0; // of the page that is there
let typed = false; // into a form of this page: the browser keeps that for the way back, we do not
let underWay = null; // the AbortController of the visit whose page is on its way
let ahead = false; // the address has gone back already: the page that is there is not the one it names
let stops = []; // what the page's own modules want done when it is left
const drawers = new Map(); // address of a page's module -> its startPage, where the first frame should have what it draws

/** Call `run` after each page that was put in place. */
export function onVisit(run) {
  listeners.push(run);
}

/** A page's module that has been loaded, and draws what the page is for: it need not wait for a frame without that. */
export function drawsFirst(address, startPage) {
  drawers.set(address, startPage);
}

/** Returns a function that tells whether the page that is there now has been left. */
export function leaving() {
  const here = number;
  return () => number !== here;
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
  const { destination, info, navigationType } = event;
  if (info?.page) return put(event, () => exchange(info.page));
  if (event.downloadRequest !== null || event.hashChange) return;
  // Who goes elsewhere is not called back.
  if (!destination.sameDocument || navigationType === "traverse") underWay?.abort();
  if (!event.canIntercept || event.formData || info === LOAD) return;
  if (navigationType === "traverse") put(event, () => goBack(destination.url));
  else if (isVisit(event)) {
    event.preventDefault();
    goTo(destination.url, navigationType);
  }
}

/** Only what a person asked for: scripts that write addresses (htmx) mean the page that is there. */
function isVisit({ destination, info, navigationType, userInitiated }) {
  if (navigationType === "reload" || !(userInitiated || info === VISIT)) return false;
  const [to, hash] = destination.url.split("#");
  if (hash !== undefined && to === location.href.split("#")[0]) return false;
  const posted = "posted" in document.body.dataset; // the way back is to an answer that only the browser has
  return !typed && !posted && !FILE.test(new URL(to).pathname);
}

function put(event, handler) {
  event.intercept({ handler, focusReset: "manual" });
}

/** The address changes when the page has come: until then the page that is there is the one it names. */
async function goTo(url, history) {
  const { page, address, signal } = await fetched(url);
  if (signal.aborted) return;
  if (page) navigate(address, { history, info: { page } });
  else navigate(url, { history, info: LOAD });
}

/** Back or forward to a page that was put in place: the address is there already. */
async function goBack(url) {
  ahead = true;
  const { page, address, signal } = await fetched(url);
  if (signal.aborted) return;
  if (page && address === url) exchange(page);
  else if (url.includes("#")) location.reload();
  else location.replace(url);
}

/** A page with its styles; without `page`, the browser should load it. A newer visit aborts an older one. */
async function fetched(url) {
  underWay?.abort();
  const visiting = (underWay = new AbortController());
  const root = document.documentElement;
  const slow = setTimeout(() => (root.dataset.visiting = ""), SLOW_MS);
  const found = await read(url, visiting.signal).catch(() => ({}));
  clearTimeout(slow);
  if (underWay === visiting) {
    underWay = null;
    delete root.dataset.visiting;
  }
  return { ...found, signal: visiting.signal };
}

async function read(url, signal) {
  const answer = await fetch(url, { signal, headers: { Accept: "text/html" }, priority: "high" });
  if (!answer.headers.get("Content-Type")?.startsWith("text/html")) {
    answer.body?.cancel();
    return {};
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (frameOf(page) !== frameOf(document)) return {};
  await addSheets(page);
  return { page, address: answer.redirected ? answer.url : url };
}

/** What must be the same for a page to fit into the frame that is there: version, scripts, language, zone, theme. */
function frameOf(page) {
  const app = page.querySelector("script[data-app]");
  const { lang, dataset } = page.documentElement;
  return app && [app.src, app.dataset.app, lang, dataset.zone, dataset.bsTheme].join(" ");
}

function exchange(page) {
  ahead = false;
  leaveParts();
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    for (const one of fresh.querySelectorAll("noscript")) one.remove(); // parsed as if no scripts ran
    part.replaceWith(fresh);
  }
  useSheets(page);
  document.title = page.title;
  document.body.setAttribute("hx-headers", page.body.getAttribute("hx-headers")); // its token changes with the sign-in
  arrive(page);
}

/** What belongs to the page that is left: questions that are open, answers that are on their way. */
function leaveParts() {
  for (const stop of stops) stop();
  stops = [];
  number += 1;
  typed = false;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close("cancel");
  document.activeElement?.blur(); // to take away what has the focus costs a layout of what is half exchanged
  for (const asking of document.querySelectorAll(".htmx-request")) window.htmx.trigger(asking, "htmx:abort");
  delete document.documentElement.dataset.drawn;
}

function arrive(page) {
  for (const part of document.querySelectorAll("[data-part]")) {
    for (const asks of part.querySelectorAll("[hx-get],[hx-post]")) window.htmx.process(asks);
  }
  announce();
  for (const run of listeners) run(page);
  live.renew();
  settle(page);
  focus();
}

/** At last: it costs a layout. A module of the page may have put it where it belongs. */
function focus() {
  if (document.activeElement !== document.body) return;
  const field = document.querySelector("[data-part] [data-focus],[data-part] [autofocus]");
  (field || document.getElementById("content")).focus({ preventScroll: !field });
}

/** Tell screen readers, also when the title is the same as before. */
function announce() {
  const said = document.getElementById("visited");
  said.textContent = "";
  setTimeout(() => (said.textContent = document.title), 100);
}

/** The page's own modules start; after the first frame, what is out of sight may be laid out (containers.css). */
function settle(page) {
  requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset.drawn = "")));
  for (const module of page.querySelectorAll("link[data-page-module]")) {
    if (drawers.has(module.href)) begin(drawers.get(module.href));
    else start(module.href);
  }
}

async function start(href) {
  const left = stops;
  const { startPage } = await import(href).catch(() => ({}));
  if (left !== stops) return; // gone on before it came
  if (startPage) begin(startPage);
  else if (number) location.reload(); // a document never asks again for a module that failed; after a load, number is 0
}

function begin(startPage) {
  const stop = startPage();
  if (stop) stops.push(stop);
}

/** Begin. */
export function startVisits() {
  settle(document);
  if (!window.navigation || !frameOf(document)) return;
  navigation.addEventListener("navigate", navigated);
  document.addEventListener("input", (event) => (typed ||= isTyping(event.target)));
  document.addEventListener("keydown", (event) => event.key === "Escape" && !ahead && underWay?.abort());
  // htmx keeps no history of its own beside this: it would load the page a second time.
  addEventListener("popstate", (event) => event.stopImmediatePropagation());
}

function isTyping(field) {
  const own = field.form?.method === "post" && field.closest("[data-part=main]");
  return Boolean(own) && !field.matches("[type=checkbox],[type=radio],[data-page-size] *");
}
