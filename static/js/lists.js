/**
 * Live lists: rows in the server's order, without ever moving what somebody is about to click.
 *
 * While the pointer or the keyboard is in a list, rows change in place, rows that are gone fade and
 * can no longer be used, and new rows come in only below the row in use. Everything else waits for
 * the person to leave, or to press the chip that says how much waits.
 */
import { fill, word } from "./words.js";

const waiting = new WeakMap(); // list -> { ids, spare }

/** Order a list. `spare` holds rows that came from the server and are not on the page yet. */
export function arrange(list, ids, spare, flash = true) {
  const inUse = rowInUse(list);
  if (!inUse) {
    settle(list, ids, spare, flash);
    return missing(list, ids, spare);
  }
  const left = arrangeBelow(list, ids, spare, inUse, flash);
  if (left > 0) hold(list, ids, spare, left);
  else release(list);
  return missing(list, ids, spare);
}

/** Rows that the order names and nobody has: the page must ask for them. */
function missing(list, ids, spare) {
  const here = new Set([...list.children].map((row) => row.id));
  return ids.filter((id) => !here.has(id) && !spare.has(id));
}

function rowInUse(list) {
  const focused = document.activeElement;
  if (focused && list.contains(focused) && focused.matches(":focus-visible")) return rowOf(list, focused);
  if (!matchMedia("(hover: hover)").matches || !list.matches(":hover")) return null;
  return [...list.children].find((row) => row.matches(":hover")) || null;
}

function rowOf(list, element) {
  while (element && element.parentElement !== list) element = element.parentElement;
  return element;
}

/** The whole order at once, with the fewest moves, so that focus and scroll survive. */
function settle(list, ids, spare, flash) {
  release(list);
  const wanted = new Set(ids);
  for (const row of [...list.children]) if (!wanted.has(row.id)) row.remove();
  const here = new Map([...list.children].map((row, at) => [row.id, { row, at }]));
  const stay = longestRun(ids.filter((id) => here.has(id)).map((id) => here.get(id).at));
  let next = null;
  for (const id of [...ids].reverse()) {
    const known = here.get(id);
    const row = known?.row || take(spare, id, flash);
    if (!row) continue;
    if (!known || !stay.has(known.at)) move(list, row, next);
    next = row;
  }
}

function take(spare, id, flash) {
  const row = spare.get(id);
  spare.delete(id);
  if (row && flash) row.classList.add("row-new");
  return row;
}

function move(list, row, before) {
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  if (row.isConnected && list.moveBefore) list.moveBefore(row, before);
  else list.insertBefore(row, before);
  if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

/** The positions of a longest increasing run: these rows need not move. */
function longestRun(positions) {
  const ends = []; // ends[n]: index of the smallest last element of a run of length n + 1
  const previous = new Array(positions.length);
  for (const [at, value] of positions.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (positions[ends[middle]] < value) low = middle + 1;
      else high = middle;
    }
    previous[at] = low ? ends[low - 1] : -1;
    ends[low] = at;
  }
  const run = new Set();
  for (let at = ends.length ? ends[ends.length - 1] : -1; at >= 0; at = previous[at]) run.add(positions[at]);
  return run;
}

/** Somebody is in the list: do what disturbs nothing. Returns how many rows have to wait. */
function arrangeBelow(list, ids, spare, inUse, flash) {
  const wanted = new Set(ids);
  const rows = [...list.children];
  let left = 0;
  for (const row of rows) {
    const gone = !wanted.has(row.id);
    row.classList.toggle("row-gone", gone);
    row.inert = gone;
    if (gone) left += 1;
  }
  const at = ids.indexOf(inUse.id);
  let last = inUse;
  for (const id of at < 0 ? [] : ids.slice(at + 1)) {
    const known = rows.find((row) => row.id === id);
    if (known) {
      last = follows(last, known) ? known : last;
      continue;
    }
    const row = take(spare, id, flash);
    if (row) {
      last.after(row);
      last = row;
    }
  }
  return left + ids.filter((id) => spare.has(id)).length + outOfOrder(list, ids);
}

function follows(one, other) {
  return Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function outOfOrder(list, ids) {
  const place = new Map(ids.map((id, at) => [id, at]));
  const order = [...list.children].filter((row) => place.has(row.id)).map((row) => place.get(row.id));
  return order.length - longestRun(order).size;
}

function hold(list, ids, spare, count) {
  const first = !waiting.has(list);
  waiting.set(list, { ids, spare });
  showChip(list, count);
  if (!first) return;
  list.addEventListener("pointerleave", maybeSettle);
  list.addEventListener("focusout", maybeSettle);
}

/** Settle once nobody is in the list any more; a moment later, for pointers that just pass. */
function maybeSettle(event) {
  const list = event.currentTarget;
  setTimeout(() => {
    const held = waiting.get(list);
    if (held && !rowInUse(list)) settle(list, held.ids, held.spare, true);
  }, 250);
}

function release(list) {
  waiting.delete(list);
  list.removeEventListener("pointerleave", maybeSettle);
  list.removeEventListener("focusout", maybeSettle);
  chipHolder(list).parentElement?.querySelector(`[data-moved-for="${CSS.escape(list.id)}"]`)?.remove();
}

function chipHolder(list) {
  return list.closest("table") || list;
}

function showChip(list, count) {
  const holder = chipHolder(list);
  let box = holder.parentElement.querySelector(`[data-moved-for="${CSS.escape(list.id)}"]`);
  if (!box) {
    box = document.createElement("div");
    box.className = "moved-chip";
    box.dataset.movedFor = list.id;
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.addEventListener("click", () => {
      const held = waiting.get(list);
      if (held) settle(list, held.ids, held.spare, true);
    });
    box.append(chip);
    holder.before(box);
  }
  box.firstChild.textContent = count === 1 ? word("moved_one") : fill("moved", { n: count });
}
