/** The tray of running jobs: opens and closes, stays as it was over page changes. */
import { live } from "./live.js";
import { onVisit } from "./visit.js";
import { remember } from "./words.js";

/** Open or close the tray. */
export function toggleTray() {
  const root = document.documentElement;
  const tray = document.getElementById("tray");
  if (!tray) return;
  const open = root.dataset.tray !== "open";
  if (open) root.dataset.tray = "open";
  else delete root.dataset.tray;
  tray.dataset.liveArgs = open ? "open=1" : "";
  for (const button of document.querySelectorAll("[data-tray-toggle]")) {
    button.setAttribute("aria-expanded", String(open));
  }
  remember("tray", open ? "open" : "closed");
  live.topicsChanged();
}

/** Begin: the number in the top bar follows the one in the tray. */
export function startTray() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-tray-toggle]")) toggleTray();
  });
  const tray = document.getElementById("tray");
  if (!tray) return;
  new MutationObserver(showCount).observe(tray, { childList: true, subtree: true, characterData: true });
  onVisit(showState);
}

/** What came with a page is as old as that page, and knows only the tray of its own tab. */
function showState() {
  const open = document.documentElement.dataset.tray === "open";
  for (const button of document.querySelectorAll("[data-tray-toggle]")) {
    button.setAttribute("aria-expanded", String(open));
  }
  showCount();
}

function showCount() {
  const count = document.getElementById("tray-count")?.textContent.trim();
  for (const place of document.querySelectorAll("[data-tray-count]")) {
    if (place.textContent !== count) place.textContent = count;
  }
}
