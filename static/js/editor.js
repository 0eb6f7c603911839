/**
 * A text area for a Dockerfile with numbers, colours, and marks of what is said of its lines.
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

export class Editor {
  #area;
  #paint = document.createElement("pre");
  #numbers = document.createElement("pre");
  #marks = document.createElement("div");

  constructor(root) {
    this.#area = root.querySelector("textarea");
    const frame = document.createElement("div");
    frame.className = "editor-frame";
    this.#numbers.className = "editor-numbers";
    this.#paint.className = "editor-paint";
    this.#marks.className = "editor-marks";
    for (const part of [this.#numbers, this.#paint]) part.setAttribute("aria-hidden", "true");
    this.#area.replaceWith(frame);
    frame.append(this.#numbers, this.#paint, this.#area, this.#marks);
    this.#area.addEventListener("input", () => this.#draw());
    this.#area.addEventListener("scroll", () => this.#scroll());
    this.#draw();
  }

  get text() {
    return this.#area.value;
  }

  /** Call `run` when the text has changed. */
  onInput(run) {
    this.#area.addEventListener("input", run);
  }

  /** Choose a line, and bring it into view. */
  goTo(line) {
    const lines = this.text.split("\n");
    const at = Math.min(Math.max(line, 1), lines.length);
    const from = lines.slice(0, at - 1).reduce((sum, each) => sum + each.length + 1, 0);
    this.#area.focus({ preventScroll: true });
    this.#area.setSelectionRange(from, from + lines[at - 1].length);
    this.#area.scrollTop = (at - 1) * this.#height() - this.#area.clientHeight / 2;
    this.#area.scrollLeft = 0;
    this.#area.scrollIntoView({ block: "nearest" });
  }

  /** Mark lines, each `{ line, tone, icon, title, press }`, in the place of those before. */
  mark(marks) {
    const height = this.#height();
    const top = parseFloat(getComputedStyle(this.#area).paddingTop);
    this.#marks.replaceChildren(
      ...marks.map(({ line, tone, icon, title, press }) => {
        const mark = document.createElement("button");
        mark.type = "button";
        mark.tabIndex = -1; // the list beside it says the same, and is gone through by keyboard
        mark.className = `editor-mark tone-${tone} qi qi-${icon}`;
        mark.title = title;
        mark.style.top = `${top + (line - 1) * height}px`;
        mark.addEventListener("click", press);
        return mark;
      }),
    );
  }

  #height() {
    return parseFloat(getComputedStyle(this.#area).lineHeight);
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
    for (const part of [this.#numbers, this.#marks]) part.style.transform = `translateY(${-scrollTop}px)`;
  }
}
