/**
 * Small pictures of the last half hour, in rows and tiles: `data-spark="12"` of a container,
 * `data-spark-host="3"`. Asked for together, drawn in slices; a row that is replaced keeps its own.
 */
import { onPatch } from "./patch.js";
import { percent, size } from "./units.js";

const FRESH_MS = 10000;
const FIRST_MS = 350;
const SOON_MS = 150;
const APART_MS = 2000; // between two questions, however many rows come
const SLICE = 40;
const [WIDTH, HEIGHT] = [60, 24];
const PLACES = "[data-spark],[data-spark-host]";
const SVG = "http://www.w3.org/2000/svg";

const known = new Map(); // "c12" or "h3" -> [cpu, memory, shape, shape]
let address = "";
let timer = 0;
let soon = 0;
let asking = null;
let askedAt = -APART_MS;

function keyOf(place) {
  return place.dataset.spark ? `c${place.dataset.spark}` : `h${place.dataset.sparkHost}`;
}

/** A letter a minute, 0 to z; what is not known leaves a hole. Returns the points of each piece. */
function pieces(shape) {
  const found = [[]];
  [...shape].forEach((letter, at) => {
    if (letter === "-") return found.push([]);
    const x = (at / Math.max(1, shape.length - 1)) * WIDTH;
    return found.at(-1).push(`${x.toFixed(1)},${(HEIGHT - 1 - (parseInt(letter, 36) / 35) * (HEIGHT - 2)).toFixed(1)}`);
  });
  return found.filter((points) => points.length > 1);
}

function picture(shapes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  shapes.forEach((shape, at) => {
    for (const points of pieces(shape)) {
      const line = document.createElementNS(SVG, "polyline");
      line.setAttribute("class", at ? "is-memory" : "is-cpu");
      line.setAttribute("points", points.join(" "));
      svg.append(line);
    }
  });
  return svg;
}

function draw(place) {
  const found = known.get(keyOf(place));
  const said = found ? JSON.stringify(found) : "";
  if (!place.isConnected || drawn.get(place) === said) return;
  drawn.set(place, said);
  if (!found) return place.replaceChildren();
  const [cpu, memory, ...shapes] = found;
  const words = document.createElement("span");
  words.className = "spark-words";
  const each = [cpu === null ? "" : percent(cpu), memory === null ? "" : size(memory)];
  words.append(...each.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  return place.replaceChildren(picture(shapes), words);
}
const drawn = new WeakMap(); // place -> what it shows

/** Some at a time: hundreds of rows must not hold the page up. */
function drawAll(places) {
  places.splice(0, SLICE).forEach(draw);
  if (places.length) setTimeout(drawAll, 0, places);
}

async function ask() {
  clearTimeout(timer);
  asking?.abort();
  askedAt = performance.now();
  const places = [...document.querySelectorAll(PLACES)];
  if (places.length && !document.hidden) {
    asking = new AbortController();
    const ids = (name) => [...new Set(places.map((place) => place.dataset[name]).filter(Boolean))].join(",");
    try {
      const answer = await fetch(`${address}?containers=${ids("spark")}&hosts=${ids("sparkHost")}`, { signal: asking.signal, priority: "low" });
      if (answer.ok && !answer.redirected) keep(await answer.json());
      drawAll(places);
    } catch (error) {
      if (error.name === "AbortError") return;
    }
  }
  timer = setTimeout(ask, FRESH_MS);
}

function keep({ containers, hosts }) {
  known.clear();
  for (const [pk, found] of Object.entries(containers)) known.set(`c${pk}`, found);
  for (const [pk, found] of Object.entries(hosts)) known.set(`h${pk}`, found);
}

/** Rows that came: what is known is drawn at once, the rest is asked for. */
function came(changes) {
  const fresh = changes.flatMap(({ addedNodes }) => [...addedNodes])
    .filter((node) => node.nodeType === Node.ELEMENT_NODE && !(node instanceof SVGElement))
    .flatMap((node) => (node.matches(PLACES) ? [node] : [...node.querySelectorAll(PLACES)]))
    .filter((place) => !place.firstChild);
  if (!fresh.length) return;
  fresh.forEach(draw);
  if (fresh.every((place) => known.has(keyOf(place)))) return;
  clearTimeout(soon);
  soon = setTimeout(ask, Math.max(SOON_MS, askedAt + APART_MS - performance.now()));
}

// A row's newer version has an empty place: it takes what the older one shows.
onPatch((old, fresh) => {
  for (const place of fresh.querySelectorAll(PLACES)) {
    const was = old.querySelector(place.dataset.spark ? `[data-spark="${place.dataset.spark}"]` : `[data-spark-host="${place.dataset.sparkHost}"]`);
    if (!was?.firstChild) continue;
    place.replaceChildren(...[...was.childNodes].map((node) => node.cloneNode(true)));
    drawn.set(place, drawn.get(was));
  }
});

/** Begin. Returns what ends it. */
export function startPage() {
  const root = document.querySelector("[data-sparks]");
  if (!root) return null;
  address = root.dataset.sparks;
  const watch = new MutationObserver(came);
  watch.observe(root, { childList: true, subtree: true });
  const seen = () => document.hidden || ask();
  document.addEventListener("visibilitychange", seen);
  soon = setTimeout(ask, FIRST_MS); // the rows come first
  return () => {
    watch.disconnect();
    document.removeEventListener("visibilitychange", seen);
    asking?.abort();
    clearTimeout(timer);
    clearTimeout(soon);
    known.clear();
  };
}
