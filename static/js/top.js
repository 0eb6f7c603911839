/** Who uses most: asked anew every ten seconds while somebody looks; a choice shows at once. */
const FRESH_MS = 10000;

/** Begin. Returns what ends it. */
export function startPage() {
  const region = document.getElementById("top-region");
  if (!region) return null;
  const ask = () => document.hidden || region.matches(":focus-within") || window.htmx?.trigger(region, "usage:fresh");
  const timer = setInterval(ask, FRESH_MS);
  document.addEventListener("visibilitychange", ask);
  const form = document.querySelector("[data-top-form]");
  form.addEventListener("change", () => form.requestSubmit());
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", ask);
  };
}
