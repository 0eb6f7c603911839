/**
 * The buttons of the row in use. A table of hundreds of rows carries one link a row, which names
 * what one click may do there (`data-clicks`); the buttons are made when somebody comes by.
 */
import { onPatch } from "./patch.js";
import { fill } from "./words.js";

function linkOf(row) {
  return row.querySelector("[data-row-menu][data-clicks]");
}

function isDressed(row) {
  return Boolean(row.querySelector(".row-act[formaction]"));
}

/** Make a row's buttons after the items of the one row menu, which have words and icons. */
function dress(row) {
  const link = linkOf(row);
  const menu = document.getElementById("row-menu");
  if (!link || !menu || isDressed(row)) return;
  for (const act of link.dataset.clicks.split(" ").filter(Boolean)) {
    const item = menu.querySelector(`[data-act="${CSS.escape(act)}"]`);
    if (item) link.before(button(item, `${link.getAttribute("href")}${act}/`, link.dataset));
  }
}

/** One button; `of` names the container and its host, for names are equal on many hosts. */
function button(item, address, of) {
  const made = document.createElement("button");
  const verb = item.textContent.trim();
  const icon = [...item.querySelector(".qi").classList].find((one) => one.startsWith("qi-"));
  made.className = `row-act with-icon ${icon}`;
  made.setAttribute("form", item.getAttribute("form"));
  made.setAttribute("formaction", address);
  made.setAttribute("aria-label", fill("act_on", { verb, name: of.name, host: of.host }));
  made.title = verb;
  return made;
}

function near(event) {
  const row = event.target.closest?.("tr");
  if (row) dress(row);
}

/** Begin. */
export function startRowActs() {
  document.addEventListener("pointerover", near);
  document.addEventListener("focusin", near);
  // A newer row takes the buttons' place only where they differ.
  onPatch((old, fresh) => isDressed(old) && dress(fresh));
}
