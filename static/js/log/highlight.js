/** Marks of a search in the text itself, without an element more: the browser paints over ranges. */
const NAME = "log-hit";
const CURRENT = "log-hit-now";

/** Mark the hits of drawn rows; `current` is the number of the line that stands out. */
export function highlight(rows, elementOf, current) {
  if (!CSS.highlights) return;
  const all = [];
  const now = [];
  for (const row of rows) {
    if (!row.hits) continue;
    const text = elementOf(row.number)?.querySelector(".log-text");
    if (text) (row.number === current ? now : all).push(...ranges(text, row.hits));
  }
  set(NAME, all);
  set(CURRENT, now);
}

/** Take all marks away. */
export function noHighlight() {
  CSS.highlights?.delete(NAME);
  CSS.highlights?.delete(CURRENT);
}

function set(name, found) {
  if (found.length) CSS.highlights.set(name, new Highlight(...found));
  else CSS.highlights.delete(name);
}

function ranges(element, hits) {
  const nodes = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let length = 0;
  while (walker.nextNode()) {
    nodes.push([length, walker.currentNode]);
    length += walker.currentNode.length;
  }
  const point = (at) => {
    for (let n = nodes.length - 1; n >= 0; n -= 1) if (nodes[n][0] <= at) return [nodes[n][1], at - nodes[n][0]];
    return null;
  };
  const found = [];
  for (const [from, to] of hits) {
    if (to > length || !nodes.length) continue;
    const [start, end] = [point(from), point(to - 1)];
    const range = new Range();
    range.setStart(...start);
    range.setEnd(end[0], end[1] + 1);
    found.push(range);
  }
  return found;
}
