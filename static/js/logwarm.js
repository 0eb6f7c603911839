/** On pages from which people go to a log: what the log needs is fetched while nothing else is. */
import { warm } from "./logs.js";

/** Begin. */
export function startPage() {
  const address = document.querySelector("[data-log-worker]")?.dataset.logWorker;
  if (!address) return null;
  const idle = window.requestIdleCallback || ((run) => setTimeout(run, 300));
  const waiting = idle(() => warm(new URL(address, location.href).href));
  return () => window.cancelIdleCallback?.(waiting);
}
