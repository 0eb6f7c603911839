/** What a container uses, about once a second: five numbers, and the last minute of each as a line. */
import { live } from "./live.js";
import { size } from "./units.js";

const TOPIC = "stats";
const KEPT = 60; // seconds that a line shows
const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 24; // of a line's own picture
const FLOORS = { cpu: 10, rate: 10 * 1024 }; // percent; bytes a second
const SILENT_MS = 12000; // nothing for so long (Podman tells every five seconds): no longer of now

class Stats {
  #root;
  #readings = [];
  #stops;
  #timer = 0;

  constructor(root) {
    this.#root = root;
    this.#stops = [
      live.on("open", () => this.#ask()),
      live.on("stats", (message) => this.#received(message)),
      live.on("gone", (message) => message.topic === TOPIC && this.#rest(message.message)),
    ];
    const lost = (event) => event.detail !== "live" && event.detail !== "late" && this.#rest(this.#word("Lost"));
    document.addEventListener("live:state", lost);
    this.#stops.push(() => document.removeEventListener("live:state", lost));
    this.#ask();
  }

  /** The page is left. Its stream ends with the page's socket. */
  stop() {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  #ask() {
    this.#readings = [];
    live.send({ type: "stream.open", topic: TOPIC, args: `container=${this.#root.dataset.stats}` });
  }

  #received({ readings, runs, note }) {
    const all = [...this.#readings, ...readings];
    // What is later than the newest one was read before the engine's clock was set back.
    this.#readings = all.filter(([at]) => all.at(-1)[0] - at <= KEPT * 1000 && at <= all.at(-1)[0]);
    if (!runs) return this.#rest(note || this.#word("Still"));
    clearTimeout(this.#timer);
    this.#root.classList.remove("is-still", "is-empty");
    this.#note("");
    this.#draw();
    this.#timer = setTimeout(() => this.#rest(this.#word("Silent")), SILENT_MS);
  }

  /** The numbers are not of now; say why. */
  #rest(why) {
    clearTimeout(this.#timer);
    this.#note(why);
    this.#root.classList.add("is-still");
  }

  #word(name) {
    return this.#root.dataset[`word${name}`];
  }

  #note(text) {
    const note = this.#root.querySelector("[data-usage-note]");
    if (note.textContent !== text) note.textContent = text;
  }

  #draw() {
    const [, cpu, memory, limit, received, sent, read, written, processes] = this.#readings.at(-1);
    const pair = (down, up) => (down === null ? "–" : `↓ ${size(down)}/s ↑ ${size(up)}/s`);
    const of = this.#word("Of").replace("{used}", size(memory)).replace("{limit}", size(limit ?? 0));
    this.#tile("cpu", `${cpu.toFixed(1)} %`, FLOORS.cpu, (one) => one[1]);
    this.#tile("memory", limit ? of : size(memory), 1, (one) => one[2]);
    this.#tile("network", pair(received, sent), FLOORS.rate, (one) => one[4] + one[5]);
    this.#tile("disk", pair(read, written), FLOORS.rate, (one) => one[6] + one[7]);
    this.#tile("processes", processes ?? "–", 1, (one) => one[8]);
  }

  /** The line's top is the most of the minute, but at least `floor`: noise must not look like load. */
  #tile(name, text, floor, value) {
    const tile = this.#root.querySelector(`[data-usage="${name}"]`);
    tile.querySelector("[data-usage-value]").textContent = text;
    const most = Math.max(...this.#readings.map((one) => value(one) ?? 0), floor);
    const [newest] = this.#readings.at(-1);
    const point = (one) => [KEPT - (newest - one[0]) / 1000, HEIGHT - 1 - ((value(one) ?? 0) / most) * (HEIGHT - 3)];
    tile.querySelector("svg").replaceChildren(...parts(this.#readings).map((part) => polyline(part.map(point))));
  }
}

/** Readings in parts that are lines: a time without any is a gap. */
function parts(readings) {
  const found = [];
  readings.forEach((one, place) => {
    if (place && one[0] - readings[place - 1][0] <= SILENT_MS) found.at(-1).push(one);
    else found.push([one]);
  });
  return found;
}

function polyline(points) {
  const [x, y] = points[0];
  const line = document.createElementNS(SVG, "polyline");
  const all = points.length > 1 ? points : [[x - 0.5, y], [x, y]]; // one point alone would not show
  line.setAttribute("points", all.map((one) => one.map((number) => number.toFixed(1)).join(",")).join(" "));
  return line;
}

/** Begin. Returns what ends it. */
export function startPage() {
  const root = document.querySelector("[data-stats]");
  if (!root) return null;
  const stats = new Stats(root);
  return () => stats.stop();
}
