/** The search field of a raw tree: hides what does not fit, opens what leads to what does. */
const WAIT_MS = 120;
let timer = 0;

function textOf(node) {
  const own = node.matches("details") ? node.querySelector(":scope > summary") : node;
  return own.textContent.toLowerCase();
}

/** Show the nodes that fit, with all above and below them. Returns how many fit. */
function filter(tree, wanted) {
  const nodes = [...tree.querySelectorAll("[data-node]")];
  if (!wanted) return reset(nodes);
  let found = 0;
  const keep = new Set();
  for (const node of nodes) {
    node.dataset.wasOpen ??= String(node.open ?? "");
    if (!textOf(node).includes(wanted)) continue;
    found += 1;
    for (const inner of node.querySelectorAll("[data-node]")) keep.add(inner);
    for (let up = node; up && up !== tree; up = up.parentElement) {
      if (!up.matches("[data-node]")) continue;
      keep.add(up);
      if (up !== node && up.matches("details")) up.open = true;
    }
  }
  for (const node of nodes) node.hidden = !keep.has(node);
  return found;
}

function reset(nodes) {
  for (const node of nodes) {
    node.hidden = false;
    if (node.dataset.wasOpen !== undefined && node.matches("details")) node.open = node.dataset.wasOpen === "true";
    delete node.dataset.wasOpen;
  }
  return -1;
}

function search(field) {
  const tree = document.querySelector("[data-tree]");
  const count = document.querySelector("[data-tree-count]");
  if (!tree) return;
  const found = filter(tree, field.value.trim().toLowerCase());
  if (count) count.textContent = found < 0 ? "" : count.dataset.words.replace("{n}", found);
}

function typed(event) {
  const field = event.target.closest("[data-tree-search]");
  if (!field) return;
  clearTimeout(timer);
  timer = setTimeout(() => search(field), WAIT_MS);
}

/** Begin. Returns what ends it. */
export function startPage() {
  document.addEventListener("input", typed);
  return () => document.removeEventListener("input", typed);
}
