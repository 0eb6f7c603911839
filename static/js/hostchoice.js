/**
 * Choosing hosts: a search by the names of hosts and environments, boxes that tick all hosts of an
 * environment or of the whole list, and how many are chosen. Without this script those boxes work
 * by themselves, on the server.
 */
const boxes = (root) => [...root.querySelectorAll("[data-host-name] input")].filter((box) => !box.disabled);
const shown = (root) => boxes(root).filter((box) => !box.closest("[hidden]"));

class HostChoice {
  #form;
  #ears = new AbortController();

  constructor(form) {
    this.#form = form;
    // From here on a box stands for what it ticked, no longer for all that there is.
    for (const all of form.querySelectorAll("[data-host-all]")) {
      if (all.checked && all.name === "all") this.#tick(form, true);
      all.removeAttribute("name");
    }
    const { signal } = this.#ears;
    form.addEventListener("change", (event) => this.#changed(event.target), { signal });
    const search = form.querySelector("[data-host-search]");
    if (search) {
      search.hidden = false;
      search.addEventListener("input", () => this.#search(search.value), { signal });
      search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault(), { signal });
      this.#search(search.value);
    }
    this.#count();
  }

  stop() {
    this.#ears.abort();
  }

  #changed(target) {
    if (target.matches("[data-host-all]")) this.#tick(target.closest("[data-host-group]") ?? this.#form, target.checked);
    if (target.matches("[data-host-all], [data-host-group] input")) this.#count();
  }

  #tick(root, on) {
    for (const box of shown(root)) box.checked = on;
  }

  #search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const groups = [...this.#form.querySelectorAll("[data-host-group]")];
    for (const group of groups) {
      // What the environment is called, its hosts need not be.
      const left = words.filter((word) => !group.dataset.hostGroup.includes(word));
      const rows = [...group.querySelectorAll("[data-host-name]")];
      for (const row of rows) row.hidden = !left.every((word) => row.dataset.hostName.includes(word));
      group.hidden = left.length > 0 && rows.every((row) => row.hidden);
    }
    const none = this.#form.querySelector("[data-host-none]");
    if (none) none.hidden = groups.some((group) => !group.hidden);
    this.#count();
  }

  #count() {
    for (const all of this.#form.querySelectorAll("[data-host-all]")) {
      const mine = shown(all.closest("[data-host-group]") ?? this.#form);
      const ticked = mine.filter((box) => box.checked).length;
      all.checked = mine.length > 0 && ticked === mine.length;
      all.indeterminate = ticked > 0 && ticked < mine.length;
      all.disabled = mine.length === 0;
    }
    const place = this.#form.querySelector("[data-host-count]");
    if (!place) return;
    // A box that stands for an environment itself, with what joins it later, counts as one.
    const chosen = this.#form.querySelectorAll("[data-host-group] input:checked:not([data-host-all])").length;
    const words = chosen === 1 ? place.dataset.one : place.dataset.many;
    place.textContent = chosen ? words.replace("{n}", chosen) : "";
  }
}

/** Begin. Returns what ends it. */
export function startPage() {
  const form = document.querySelector("[data-host-choice]");
  if (!form) return null;
  const choice = new HostChoice(form);
  return () => choice.stop();
}
