/** Light, dark, or as the system says: kept in a cookie, so that the server draws it right at once. */
import { remember } from "./words.js";

function show(theme) {
  document.documentElement.dataset.bsTheme = theme;
  const scheme = theme === "auto" ? "light dark" : theme;
  document.querySelector("meta[name=color-scheme]")?.setAttribute("content", scheme);
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === theme));
  }
}

/** Begin; other tabs follow. */
export function startTheme() {
  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-set]")?.dataset.themeSet;
    if (!theme) return;
    show(theme);
    remember("theme", theme);
    localStorage.setItem("theme", theme);
  });
  addEventListener("storage", (event) => {
    if (event.key === "theme" && event.newValue) show(event.newValue);
  });
}
