/**
 * Put a newer version of an element in place, and disturb nobody: focus, ticks, open parts and
 * whatever did not change stay as they are; what changed fades softly.
 */
const enhancers = [];
const matchers = [];
const FOCUSABLE = "a[href],button,input,select,textarea,summary,[tabindex]";

/** Register what scripts do to fresh elements (times and the like) before they are compared. */
export function onFresh(enhance) {
  enhancers.push(enhance);
}

/** Register what scripts do to a fresh element to be like the one whose place it takes. */
export function onPatch(match) {
  matchers.push(match);
}

/** Parse the HTML of one element. Nothing in it runs. Returns null for anything else. */
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  const element = template.content.firstElementChild;
  if (!element || template.content.childElementCount !== 1) return null;
  for (const enhance of enhancers) enhance(element);
  return element;
}

/** Bring `old` to the state of `fresh`. Returns the element that is on the page afterwards. */
export function patch(old, fresh, flash = true) {
  if (old.dataset.rev !== undefined && old.dataset.rev === fresh.dataset.rev) return old;
  for (const match of matchers) match(old, fresh);
  const open = document.activeElement;
  const focus = old.contains(open) ? focusKey(old, open) : null;
  const kept = keepMenu(old, fresh) ? old : canMerge(old, fresh) ? merge(old, fresh, flash) : replace(old, fresh, flash);
  if (focus && !kept.contains(document.activeElement)) restoreFocus(kept, focus);
  if (window.htmx && kept.querySelector("[hx-get],[hx-post],[hx-trigger]")) window.htmx.process(kept);
  return kept;
}

/** A menu closes once it is taken out: while one is open, all around it changes and it stays. */
function keepMenu(old, fresh) {
  const menu = old.querySelector(":popover-open[id]");
  const twin = menu && fresh.querySelector(`#${CSS.escape(menu.id)}`);
  if (!twin) return false;
  keepInputs(old, fresh);
  changeAround(old, fresh, menu, twin);
  return true;
}

function changeAround(old, fresh, menu, twin) {
  if (old === menu || fresh === twin) {
    if (old.innerHTML !== fresh.innerHTML && !old.hasAttribute("hx-get")) old.replaceChildren(...fresh.childNodes);
    return;
  }
  copyAttributes(old, fresh);
  const stays = [...old.childNodes].find((one) => one.contains(menu));
  const goes = [...fresh.childNodes].find((one) => one.contains(twin));
  changeChildren(old, fresh, stays, goes);
  changeAround(stays, goes, menu, twin);
}

/** Bring an element's children to those of another, without moving the one that stays, nor equal ones. */
function changeChildren(old, fresh, stays, goes) {
  let at = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const same = node === goes ? stays : from(at, stays).find((one) => one.isEqualNode(node));
    if (!same) old.insertBefore(node, at);
    else {
      while (at !== same) at = without(at);
      at = same.nextSibling;
    }
  }
  while (at) at = without(at);
}

/** The siblings from one on, up to the one that stays. */
function from(node, stays) {
  const found = [];
  for (let at = node; at && at !== stays; at = at.nextSibling) found.push(at);
  return found;
}

function without(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function canMerge(old, fresh) {
  if (old.tagName !== fresh.tagName || old.childElementCount !== fresh.childElementCount) return false;
  if (old.childElementCount === 0) return false;
  return !hasText(old) && !hasText(fresh);
}

function hasText(element) {
  for (const node of element.childNodes) {
    if (node.nodeType === Node.TEXT_NODE && node.data.trim()) return true;
  }
  return false;
}

function merge(old, fresh, flash) {
  copyAttributes(old, fresh);
  const before = [...old.children];
  const after = [...fresh.children];
  for (const [at, child] of after.entries()) {
    const was = before[at];
    if (was.isEqualNode(child)) continue;
    if (was.tagName === "PROGRESS" && child.tagName === "PROGRESS") {
      copyAttributes(was, child); // kept, so that it glides
      was.textContent = child.textContent;
      continue;
    }
    const changed = was.textContent !== child.textContent && !isCalm(was);
    keepInputs(was, child);
    was.replaceWith(child);
    if (flash && changed) child.classList.add("row-changed");
  }
  return old;
}

/** Whether it changes too often for a fade each time, such as how far something is. */
function isCalm(element) {
  return element.closest("[data-calm]") !== null;
}

function replace(old, fresh, flash) {
  keepInputs(old, fresh);
  const changed = old.textContent !== fresh.textContent && !isCalm(old);
  old.replaceWith(fresh);
  if (flash && changed) fresh.classList.add("row-changed");
  return fresh;
}

function copyAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

/** Carry over what people did: ticks, typed text, opened parts. */
function keepInputs(old, fresh) {
  for (const input of inAll(old, "input,select,textarea")) {
    const twin = inAll(fresh, `[name="${CSS.escape(input.name)}"]`).find(
      (other) => input.type !== "checkbox" && input.type !== "radio" ? true : other.value === input.value,
    );
    if (!twin || !input.name) continue;
    if (input.checked !== input.defaultChecked) twin.checked = input.checked;
    if (input.matches("textarea,input:not([type=checkbox],[type=radio],[type=file])")) {
      if (input.value !== input.defaultValue) twin.value = input.value;
    }
  }
  const opened = inAll(fresh, "details");
  for (const [at, details] of inAll(old, "details").entries()) {
    // Those of a list move: they are known by their ids.
    const twin = details.id ? opened.find((other) => other.id === details.id) : opened[at];
    if (twin && details.open) twin.open = true;
  }
}

function inAll(element, selector) {
  const found = [...element.querySelectorAll(selector)];
  return element.matches(selector) ? [element, ...found] : found;
}

function focusKey(root, element) {
  const text = element.matches("input,textarea") && "selectionStart" in element;
  return {
    self: element === root,
    id: element.id,
    action: element.getAttribute("formaction") || element.getAttribute("href"),
    name: element.name,
    at: [...root.querySelectorAll(FOCUSABLE)].indexOf(element),
    range: text && element.selectionStart !== null ? [element.selectionStart, element.selectionEnd] : null,
  };
}

function restoreFocus(root, key) {
  const all = [...root.querySelectorAll(FOCUSABLE)];
  const action = (one) => one.getAttribute("formaction") || one.getAttribute("href");
  const target =
    (key.self && root) ||
    (key.id && all.find((one) => one.id === key.id)) ||
    (key.action && all.find((one) => action(one) === key.action)) ||
    (key.name && all.find((one) => one.name === key.name)) ||
    all[Math.min(key.at, all.length - 1)];
  if (!target) return;
  target.focus({ preventScroll: true });
  if (key.range && target.setSelectionRange) target.setSelectionRange(...key.range);
}

// A fade that has ended must not start again when its row is moved.
document.addEventListener("animationend", (event) => {
  if (event.animationName === "changed") {
    event.target.closest(".row-changed,.row-new")?.classList.remove("row-changed", "row-new");
  }
});
