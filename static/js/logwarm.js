/** On pages from which people go to a log: what the log needs is fetched while nothing else is. */
import { begin, warm } from "./logs.js";

/** Begin. */
export function startPage() {
  const near = document.querySelector("[data-log-worker]");
  if (!near) return null;
  const { logWorker, logHref, logArgs } = near.dataset;
  const address = new URL(logWorker, location.href).href;
  const clicked = (event) => {
    const other = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    const link = event.target.closest("a[href]");
    if (!other && window.navigation && link?.getAttribute("href") === logHref) begin(address, logArgs);
  };
  document.addEventListener("click", clicked);
  const idle = window.requestIdleCallback || ((run) => setTimeout(run, 300));
  const waiting = idle(() => warm(address));
  return () => {
    document.removeEventListener("click", clicked);
    window.cancelIdleCallback?.(waiting);
  };
}
