/** Fold the side navigation, remembered for the next page; bring the current tab into sight. */
import { onVisit } from "./visit.js";
import { remember } from "./words.js";

/** Begin. */
export function startNavigation() {
  showTabs();
  onVisit(showTabs);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-nav-toggle]")) return;
    const root = document.documentElement;
    const slim = root.dataset.nav !== "slim";
    if (slim) root.dataset.nav = "slim";
    else delete root.dataset.nav;
    remember("nav", slim ? "slim" : "wide");
  });
}

function showTabs() {
  for (const tab of document.querySelectorAll(".tabs [aria-current]")) showTab(tab);
}

function showTab(tab) {
  const tabs = tab.parentElement;
  const [own, all] = [tab.getBoundingClientRect(), tabs.getBoundingClientRect()];
  tabs.scrollLeft += own.left - all.left - (all.width - own.width) / 2;
}
