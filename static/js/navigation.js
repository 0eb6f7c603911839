/** Fold the side navigation, remembered for the next page. */
import { remember } from "./words.js";

/** Begin. */
export function startNavigation() {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-nav-toggle]")) return;
    const root = document.documentElement;
    const slim = root.dataset.nav !== "slim";
    if (slim) root.dataset.nav = "slim";
    else delete root.dataset.nav;
    remember("nav", slim ? "slim" : "wide");
  });
}
