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
    const since = document.querySelector("[data-connection-since]");
    if (since && state === "offline") since.textContent = lastLive.toLocaleTimeString();
  };
  document.addEventListener("live:state", ({ detail }) => {
    clearTimeout(timer);
    if (detail === "live") show("live");
    else if (root.dataset.connection === "live") lastLive = new Date();
    if (detail === "offline") show("offline");
    if (detail === "reconnecting") timer = setTimeout(() => show("reconnecting"), PATIENCE);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-connection-retry]")) live.retry();
  });
}
