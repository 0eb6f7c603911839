/** The form of a build: its Dockerfile with advice beside it, and more rows on demand. */
import { advise } from "./advice.js";
import { Editor } from "./editor.js";

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
  const root = document.querySelector("[data-editor]");
  const quiet = root ? advise(new Editor(root), document.querySelector("[data-advice]")) : () => {};
  for (const button of document.querySelectorAll("[data-add-row]")) button.hidden = false;
  document.addEventListener("click", addRow);
  return () => {
    document.removeEventListener("click", addRow);
    quiet();
  };
}
