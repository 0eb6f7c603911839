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
  if ([...form.querySelectorAll("select")].some(isChanged)) form.requestSubmit();
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", ask);
  };
}

/** Whether somebody has chosen already, before the script was there. */
function isChanged({ options, value }) {
  const first = [...options].find((option) => option.defaultSelected) ?? options[0];
  return first && first.value !== value;
}
