/** On pages from which people go to a log: what the log needs is fetched while nothing else is. */
import { begin, far, near, warm } from "./logs.js";

/** Begin. */
export function startPage() {
  const place = document.querySelector("[data-log-worker]");
  if (!place) return null;
  const { logWorker, logHref, logArgs } = place.dataset;
  const address = new URL(logWorker, location.href).href;
  const isLink = ({ target }) => target.closest?.("a[href]")?.getAttribute("href") === logHref;
  // A hand needs a tenth of a second from there to the click.
  const hovered = (event) => isLink(event) && near(address);
  const pressed = (event) => {
    const other = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!other && window.navigation && isLink(event)) begin(address, logArgs);
  };
  const heard = { pointerover: hovered, focusin: hovered, pointerdown: pressed, click: pressed };
  for (const [name, run] of Object.entries(heard)) document.addEventListener(name, run);
  const idle = window.requestIdleCallback || ((run) => setTimeout(run, 300));
  const waiting = idle(() => warm(address));
  return () => {
    for (const [name, run] of Object.entries(heard)) document.removeEventListener(name, run);
    window.cancelIdleCallback?.(waiting);
    far();
  };
}
