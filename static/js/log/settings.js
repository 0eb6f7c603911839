/** How a reader wants lines to look: the form of the view menu, remembered for the user. */
import { postForm } from "../post.js";

const FIELDS_OFFERED = 40;
const ROUNDED = 0.02; // of a letter: widths are told with few digits
const GAP = 10; // px between the parts of a row

export class Settings {
  #form;
  #changed;
  #offered = new Set();

  constructor(form, changed) {
    this.#form = form;
    this.#changed = changed;
    for (const box of this.#boxes("field:")) this.#offered.add(box.value.slice(6));
    form.addEventListener("change", (event) => this.#set(event));
  }

  /** What is chosen: `times`, `wrap`, `levels`, `columns`. */
  get chosen() {
    const on = (prefix) => this.#boxes(prefix).filter((box) => box.checked).map((box) => box.value.slice(prefix.length));
    return {
      times: on("times-")[0] || "local",
      wrap: on("wrap").length > 0,
      levels: on("levels").length > 0,
      columns: on("field:"),
    };
  }

  /** Offer the fields of rows as columns. */
  offer(rows) {
    for (const row of rows) {
      for (const [name] of row.fields || []) {
        if (!this.#offered.has(name) && this.#offered.size < FIELDS_OFFERED && name.length < 60) this.#add(name);
      }
    }
  }

  /** How many columns of text a row of a view has, wrapped, and how many one from stderr has. */
  columnsOf(scroll, named, err) {
    const measure = document.createElement("div");
    measure.className = "log-line log-measure";
    const { times } = this.chosen;
    const time = document.createElement("time");
    time.textContent = times === "age" ? "−000 min" : "00:00:00.000";
    if (times !== "off") measure.append(time);
    if (named) measure.append(cell("log-source", "x"));
    const tag = cell("log-tag", err);
    const text = cell("log-text", "x".repeat(100));
    measure.append(tag, text);
    scroll.append(measure);
    const letter = text.getBoundingClientRect().width / 100;
    const box = getComputedStyle(measure);
    const edges = parseFloat(box.paddingLeft) + parseFloat(box.paddingRight) + parseFloat(box.borderLeftWidth);
    let before = 0;
    for (const one of measure.children) if (one !== text && one !== tag) before += wide(one, box);
    const room = scroll.clientWidth - edges - before;
    const narrow = room - wide(tag, box);
    measure.remove();
    return [room, narrow].map((px) => Math.max(10, Math.floor(px / letter + ROUNDED)));
  }

  #boxes(prefix) {
    return [...this.#form.querySelectorAll("input[name=columns]")].filter((box) => box.value.startsWith(prefix));
  }

  #add(name) {
    this.#offered.add(name);
    const label = document.createElement("label");
    label.className = "menu-item";
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name: "columns", value: `field:${name}` });
    label.append(box, name);
    this.#form.querySelector("[data-log-fields]").append(label);
    this.#form.querySelector("[data-log-nofields]").hidden = true;
  }

  #set(event) {
    postForm(this.#form, null, { Accept: "application/json" });
    this.#changed(event.target.value);
  }
}

/** How many px an element of a row takes, with the gap after it. */
function wide(element, box) {
  const { marginLeft, marginRight } = getComputedStyle(element);
  const gap = parseFloat(box.columnGap) || GAP;
  return element.getBoundingClientRect().width + parseFloat(marginLeft) + parseFloat(marginRight) + gap;
}

function cell(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
