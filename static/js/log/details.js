/** One line with all that is known of it: whole text, fields, exact time, link, and its place among the others. */
import { copyText } from "../copy.js";
import { toast } from "../toast.js";
import { clock, exact } from "./times.js";

const SHOWN = 200_000; // letters

export class Details {
  #log;
  #among; // () => shows it among all lines: the worker knows where it is now
  #box;
  #line = null;

  constructor(log, among) {
    this.#log = log;
    this.#among = among;
    this.#box = log.find("detail");
    this.#box.addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
  }

  /** Show a line. */
  show(line) {
    this.#line = line;
    const { words } = this.#log;
    const source = this.#log.sources.get(line.source);
    const head = element("header", "");
    const time = element("time", clock(line.time, this.#log.settings.times === "utc"));
    time.dateTime = time.title = exact(line.time);
    head.append(time);
    if (source?.name) head.append(element("span", source.title || source.name, "log-source"));
    if (line.stream === 2) head.append(element("span", words.err, "log-tag"));
    head.append(element("span", "", "spacer"), this.#button(words.close, () => this.#close(), "x"));
    const text = line.text.length > SHOWN ? `${line.text.slice(0, SHOWN)} …` : line.text;
    const parts = [head, element("pre", text)];
    if (line.fields) parts.push(table(line.fields));
    parts.push(this.#actions());
    this.#box.replaceChildren(...parts);
    this.#box.hidden = false;
  }

  #actions() {
    const { words } = this.#log;
    const bar = element("div", "", "log-detail-bar");
    bar.append(
      this.#button(words.copy, () => this.#copy(this.#line.text, words.copied), "copy"),
      this.#button(words.link, () => this.#link(), "link"),
      this.#button(words.context, this.#among, "list-details"),
    );
    return bar;
  }

  #link() {
    const address = new URL(location.href);
    address.hash = `t=${(this.#line.time - 0.001).toFixed(3)}`;
    this.#copy(address.href, this.#log.words.linked);
  }

  async #copy(text, message) {
    await copyText(text);
    toast({ level: "success", message });
  }

  #close() {
    this.#box.hidden = true;
    this.#box.replaceChildren();
    this.#log.find("scroll").focus({ preventScroll: true });
  }

  #button(label, run, icon) {
    const button = element("button", "", "btn btn-sm btn-quiet");
    button.type = "button";
    const sign = element("i", "", `qi qi-${icon}`);
    sign.setAttribute("aria-hidden", "true");
    button.append(sign, label);
    button.addEventListener("click", run);
    return button;
  }
}

function element(name, text, classes = "") {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.textContent = text;
  return made;
}

function table(fields) {
  const list = element("dl", "", "log-fields");
  for (const [name, value] of fields) list.append(element("dt", name), element("dd", value));
  return list;
}
