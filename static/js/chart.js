/** One chart over time: its lines, a limit, marks of what happened, and a cursor that others share. */
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { ticks } from "./ticks.js";

const HEIGHT = 150;
const NARROW = 480;
const DAY = 86400;
const MINUTE = 60;
const LEFT = 62; // the same for all charts, so that one moment stands below the other
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);
const SHORT = 2; // pixels: a line of less is a point
const MARK = { idle: "ink-faint", ok: "ok", warn: "warn", bad: "bad" };

/** The colour of a token as canvases need it. */
export function colour(root, name) {
  root.style.color = `var(--${name})`;
  const found = getComputedStyle(root).color;
  root.style.color = "";
  return found;
}

const zone = () => document.documentElement.dataset.zone || undefined;

/** Words for moments, in the page's time zone. */
export function clock(options) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone(), hourCycle: "h23", ...options });
  return (seconds) => format.format(new Date(seconds * 1000));
}

const toMinute = clock({ hour: "2-digit", minute: "2-digit" });
const toSecond = clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const toDay = clock({ day: "numeric", month: "short" });

/** Labels of the time axis: the day where it changes, else the time. */
function labels(_chart, moments, _axis, _space, apart) {
  return moments.map((at, place) => {
    const day = toDay(at);
    if (apart >= DAY || day !== toDay(moments[place - 1] ?? at - 1)) return day;
    return apart < MINUTE ? toSecond(at) : toMinute(at);
  });
}

/**
 * `kind`: lines ([{column, label, tone, thin}]), words (of a value), floor, binary.
 * `told`: moved(seconds or null) and chosen(from, to), of the person at it.
 */
export class Chart {
  #figure;
  #kind;
  #told;
  #plot = null;
  #limit = null;
  #marks = [];
  #quiet = false; // what happens now is not of this chart's own person

  constructor(figure, kind, told) {
    this.#figure = figure;
    this.#kind = kind;
    this.#told = told;
    this.#make();
    this.#listen();
  }

  #make() {
    const holder = this.#holder;
    const ink = (name) => () => colour(this.#figure, name);
    const axis = { stroke: ink("ink-faint"), font: "11px Inter, sans-serif", ticks: { show: false }, grid: { stroke: ink("line"), width: 1 } };
    const lines = this.#kind.lines.map((line) => ({
      label: line.label,
      stroke: ink(line.tone),
      width: line.thin ? 1 : 1.5,
      dash: line.thin ? [2, 3] : undefined,
      points: { show: false, size: line.thin ? 3 : 4, width: 0, fill: ink(line.tone), filter: lonely },
    }));
    const options = {
      width: Math.max(200, holder.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_chart, _least, most) => this.#range(most) } },
      axes: [
        { ...axis, values: labels, splits: ticks(zone()), incrs: [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, DAY, 2 * DAY], space: 64, size: 26 },
        { ...axis, values: (_chart, splits) => splits.map((one) => this.#kind.axis(one)), size: LEFT, space: 28, ...(this.#kind.binary ? { incrs: BINARY } : {}) },
      ],
      series: [{}, ...lines],
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, bind: { dblclick: () => () => this.#told.chosen(null) } },
      hooks: {
        setCursor: [(chart) => this.#cursorMoved(chart)],
        setSelect: [(chart) => this.#selected(chart)],
        drawAxes: [(chart) => this.#drawMarks(chart)],
        draw: [(chart) => this.#drawLimit(chart)],
      },
    };
    holder.replaceChildren();
    this.#plot = new uPlot(options, [[], ...lines.map(() => [])], holder);
  }

  get #holder() {
    return this.#figure.querySelector("[data-chart-plot]");
  }

  #range(most) {
    const top = Math.max(this.#kind.floor, (most ?? 0) * 1.08);
    return [0, this.#limit && this.#isNear(most) ? Math.max(top, this.#limit * 1.08) : top];
  }

  /** A limit that is far away would press the line flat. */
  #isNear(most) {
    return this.#limit < 6 * Math.max(most ?? 0, this.#kind.floor);
  }

  /** Show other values; `limit` is a value that is not to be passed, or null. */
  show(times, columns, { limit = null, marks = [], from, to }) {
    this.#limit = limit;
    this.#marks = marks;
    this.#silently(() => {
      this.#plot.setData([times, ...this.#kind.lines.map(({ column }) => columns[column] ?? times.map(() => null))], false);
      this.zoom(from, to);
    });
  }

  /** Show just these seconds. */
  zoom(from, to) {
    this.#silently(() => this.#plot.setScale("x", { min: from, max: to }));
  }

  /** Point at a moment, null for none; the nearest place of the data that is there. */
  point(at) {
    this.#silently(() => {
      const left = at === null ? -10 : this.#plot.valToPos(at, "x");
      this.#plot.setCursor({ left, top: at === null ? -10 : 1 }, false);
    });
  }

  /** The place in the data that is nearest to a moment. */
  place(at) {
    return nearest(at, this.#plot.data[0]);
  }

  redraw() {
    this.#plot.redraw(false, true);
  }

  resize() {
    const width = this.#holder.clientWidth;
    if (width && width !== this.#plot.width) this.#plot.setSize({ width, height: innerWidth < NARROW ? HEIGHT - 20 : HEIGHT });
  }

  destroy() {
    this.#plot.destroy();
  }

  #silently(work) {
    const before = this.#quiet;
    this.#quiet = true;
    work();
    this.#quiet = before;
  }

  #listen() {
    // uPlot knows the mouse; a finger that moves sideways reads values, up and down it scrolls.
    const over = this.#plot.over;
    const read = (event) => {
      if (event.pointerType === "mouse") return;
      const left = event.clientX - over.getBoundingClientRect().left;
      this.#told.moved(this.#plot.posToVal(left, "x"));
    };
    over.addEventListener("pointerdown", read);
    over.addEventListener("pointermove", read);
  }

  #cursorMoved(chart) {
    if (this.#quiet) return;
    const { left } = chart.cursor;
    this.#told.moved(left >= 0 ? chart.posToVal(left, "x") : null);
  }

  #selected(chart) {
    const { left, width } = chart.select;
    if (width < 3) return;
    this.#silently(() => chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false));
    this.#told.chosen(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
  }

  #drawMarks(chart) {
    const { ctx, bbox } = chart;
    const { min, max } = chart.scales.x;
    ctx.save();
    for (const { at, tone } of this.#marks) {
      if (at < min || at > max) continue;
      const x = Math.round(chart.valToPos(at, "x", true));
      ctx.strokeStyle = ctx.fillStyle = colour(this.#figure, MARK[tone] ?? MARK.idle);
      ctx.globalAlpha = 0.8;
      ctx.setLineDash([2 * devicePixelRatio, 2 * devicePixelRatio]);
      line(ctx, x, bbox.top, x, bbox.top + bbox.height);
      const wide = 4 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x - wide, bbox.top);
      ctx.lineTo(x + wide, bbox.top);
      ctx.lineTo(x, bbox.top + 1.5 * wide);
      ctx.fill();
    }
    ctx.restore();
  }

  #drawLimit(chart) {
    if (!this.#limit || this.#limit > chart.scales.y.max) return;
    const { ctx, bbox } = chart;
    const y = Math.round(chart.valToPos(this.#limit, "y", true));
    ctx.save();
    ctx.strokeStyle = colour(this.#figure, "bad");
    ctx.setLineDash([6 * devicePixelRatio, 3 * devicePixelRatio]);
    line(ctx, bbox.left, y, bbox.left + bbox.width, y);
    ctx.restore();
  }
}

function line(ctx, fromX, fromY, toX, toY) {
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

/** Where lines are too short to be seen, as of one value without neighbours: points are shown instead. */
function lonely(chart, series) {
  const [times, first] = chart.data;
  const values = chart.data[series];
  const left = (at) => chart.valToPos(times[at], "x");
  const hides = (at) => values !== first && values[at] === first[at]; // a peak that tells nothing more
  const found = [];
  let begin = -1;
  for (let at = 0; at <= values.length; at += 1) {
    const known = (values[at] ?? null) !== null;
    if (known && begin < 0) begin = at;
    if (known || begin < 0) continue;
    if (left(at - 1) - left(begin) < SHORT && !hides(begin)) found.push(begin);
    begin = -1;
  }
  return found.length ? found : null;
}

function nearest(at, times) {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low && at - times[low - 1] < times[low] - at ? low - 1 : low;
}
