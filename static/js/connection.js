/** Show in the top bar whether the page is live. A blink of a second is nobody's concern. */
import { live } from "./live.js";

const PATIENCE = 1000;

/** Follow the state of the connection. */
export function startConnection() {
  const root = document.documentElement;
  let timer = 0;
  let lastLive = new Date();
  const show = (state) => {
    root.dataset.connection = state;
    for (const since of document.querySelectorAll("[data-connection-since]")) since.textContent = lastLive.toLocaleTimeString();
  };
  document.addEventListener("live:state", ({ detail }) => {
    clearTimeout(timer);
    if (detail === "live" || detail === "late") show(detail);
    else if (root.dataset.connection === "live") lastLive = new Date();
    if (detail === "offline" || detail === "full") show(detail);
    if (detail === "reconnecting") timer = setTimeout(() => show("reconnecting"), PATIENCE);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-connection-retry]")) live.retry();
  });
}
