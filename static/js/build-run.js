/**
 * A run of a build: steps fold, lines have their colours, and who is at the end stays there.
 *
 * Steps and lines are one live list. What is folded is a rule in a style sheet, not a change of any
 * line: lines that come into a folded step are folded with it.
 */
import { render } from "./ansi.js";

const NEAR_END = 80; // px from the end of the page that still are "at the end"

class Run {
  #list;
  #sheet = new CSSStyleSheet();
  #chosen = new Map(); // step -> whether somebody wants it open
  #watch;
  #rules = "";

  constructor(list) {
    this.#list = list;
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#sheet];
    for (const button of this.#buttons()) button.hidden = false;
    this.#watch = new MutationObserver((changes) => this.#changed(changes));
    this.#watch.observe(list, { childList: true });
    this.#paint(list.children);
    this.#fold();
    this.ends = [
      this.#on(list, "click", (event) => this.#clicked(event)),
      this.#on(document, "click", (event) => this.#all(event)),
    ];
  }

  stop() {
    this.#watch.disconnect();
    for (const end of this.ends) end();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#sheet);
  }

  #on(target, kind, act) {
    target.addEventListener(kind, act);
    return () => target.removeEventListener(kind, act);
  }

  #buttons() {
    return document.querySelectorAll("[data-fold-all],[data-unfold-all]");
  }

  #changed(changes) {
    const added = changes.flatMap((change) => [...change.addedNodes]).filter((node) => node.nodeType === Node.ELEMENT_NODE);
    // Measured before what came is laid out: the page has grown by it already, so it counts for less.
    const root = document.scrollingElement;
    const grown = added.reduce((sum, row) => sum + row.offsetHeight, 0);
    const follows = root.scrollHeight - grown - root.scrollTop - root.clientHeight < NEAR_END;
    this.#paint(added);
    this.#fold();
    if (follows) root.scrollTop = root.scrollHeight;
  }

  #paint(rows) {
    for (const row of rows) {
      const text = row.querySelector?.("[data-ansi]");
      if (text) render(text, text.dataset.ansi);
    }
  }

  #heads() {
    return [...this.#list.querySelectorAll("[data-step-head]")];
  }

  /** What runs and what failed is open, unless somebody said otherwise. */
  #isOpen(head) {
    return this.#chosen.get(head.dataset.stepHead) ?? ["running", "failed"].includes(head.dataset.state);
  }

  #fold() {
    const folded = [];
    for (const head of this.#heads()) {
      const open = this.#isOpen(head);
      const button = head.querySelector(".step-fold");
      if (button.getAttribute("aria-expanded") !== String(open)) button.setAttribute("aria-expanded", String(open));
      if (!open) folded.push(`.run-log [data-of="${CSS.escape(head.dataset.stepHead)}"]`);
    }
    const rules = folded.length ? `${folded.join(",")}{display:none}` : "";
    if (rules !== this.#rules) this.#sheet.replaceSync((this.#rules = rules));
  }

  #clicked(event) {
    const head = event.target.closest(".step-fold")?.closest("[data-step-head]");
    if (!head) return;
    this.#chosen.set(head.dataset.stepHead, !this.#isOpen(head));
    this.#fold();
  }

  #all(event) {
    const button = event.target.closest("[data-fold-all],[data-unfold-all]");
    if (!button) return;
    for (const head of this.#heads()) this.#chosen.set(head.dataset.stepHead, button.hasAttribute("data-unfold-all"));
    this.#fold();
  }
}

/** The page is there; returns what ends it. */
export function startPage() {
  const list = document.getElementById("run-log");
  const run = list && new Run(list);
  return run && (() => run.stop());
}
