/**
 * The form of a build: numbers and colours for the Dockerfile, and more rows on demand.
 *
 * The text area stays what is typed into, with the browser's own undo, search and keyboard; the
 * colours lie behind it. Without this script it is a text area.
 */
const WORDS =
  "FROM|RUN|CMD|LABEL|EXPOSE|ENV|ADD|COPY|ENTRYPOINT|VOLUME|USER|WORKDIR|ARG|ONBUILD|STOPSIGNAL|HEALTHCHECK|SHELL|MAINTAINER";
const LINE = new RegExp(`^(\\s*)(${WORDS})(?=\\s|$)`, "i");
const PIECE = /("(?:[^"\\]|\\.)*"|'[^']*')|(\$\{[^}]*\}|\$\w+)|(\s--[\w-]+)|(\\\s*$)|(\bAS\b)/g;
const KINDS = [, "text", "name", "flag", "end", "word"];
const LONGEST = 100_000; // letters that are coloured; more are typed by nobody

function put(line, from, to, kind) {
  if (to <= from.at) return;
  const text = from.text.slice(from.at, to);
  from.at = to;
  if (!kind) return line.append(text);
  const span = document.createElement("span");
  span.className = `paint-${kind}`;
  span.textContent = text;
  line.append(span);
}

/** One line with its words in colour; `more` when the line before goes on in it. */
function paintLine(text, more) {
  const line = document.createElement("span");
  const from = { text, at: 0 };
  if (/^\s*#/.test(text)) {
    put(line, from, text.length, "note");
    return line;
  }
  const word = more ? null : LINE.exec(text);
  if (word) {
    put(line, from, word[1].length);
    put(line, from, word[0].length, "word");
  }
  for (const found of text.matchAll(PIECE)) {
    if (found.index < from.at) continue;
    put(line, from, found.index);
    put(line, from, found.index + found[0].length, KINDS[found.findIndex((group, at) => at && group !== undefined)]);
  }
  put(line, from, text.length);
  return line;
}

class Editor {
  #area;
  #paint = document.createElement("pre");
  #numbers = document.createElement("pre");

  constructor(root) {
    this.#area = root.querySelector("textarea");
    const frame = document.createElement("div");
    frame.className = "editor-frame";
    this.#numbers.className = "editor-numbers";
    this.#paint.className = "editor-paint";
    for (const part of [this.#numbers, this.#paint]) part.setAttribute("aria-hidden", "true");
    this.#area.replaceWith(frame);
    frame.append(this.#numbers, this.#paint, this.#area);
    this.#area.addEventListener("input", () => this.#draw());
    this.#area.addEventListener("scroll", () => this.#scroll());
    this.#draw();
  }

  #draw() {
    const text = this.#area.value;
    const lines = text.split("\n");
    this.#numbers.textContent = lines.map((_line, at) => at + 1).join("\n");
    this.#area.classList.toggle("is-painted", text.length <= LONGEST);
    this.#paint.replaceChildren();
    let more = false;
    for (const line of text.length <= LONGEST ? lines : []) {
      this.#paint.append(paintLine(line, more), "\n");
      more = /\\\s*$/.test(line) || (more && (/^\s*#/.test(line) || !line.trim()));
    }
    this.#scroll();
  }

  #scroll() {
    const { scrollTop, scrollLeft } = this.#area;
    this.#paint.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`;
    this.#numbers.style.transform = `translateY(${-scrollTop}px)`;
  }
}

function addRow(event) {
  const button = event.target.closest("[data-add-row]");
  const rows = button?.parentElement.querySelector("[data-rows]");
  if (!rows) return;
  const row = rows.lastElementChild.cloneNode(true);
  for (const field of row.querySelectorAll("input,textarea")) {
    field.value = "";
    if (field.tagName === "TEXTAREA") field.textContent = "";
  }
  rows.append(row);
  row.querySelector("input").focus();
}

/** The page is there; returns what ends it. */
export function startPage() {
  for (const root of document.querySelectorAll("[data-editor]")) new Editor(root);
  for (const button of document.querySelectorAll("[data-add-row]")) button.hidden = false;
  document.addEventListener("click", addRow);
  return () => document.removeEventListener("click", addRow);
}
