/** Show in the top bar whether the page is live. A blink of a second is nobody's concern. */
import { exact } from "./ago.js";
import { live } from "./live.js";
import { onVisit } from "./visit.js";

const PATIENCE = 1000;

/** Follow the state of the connection. */
export function startConnection() {
  const root = document.documentElement;
  let timer = 0;
  let lastLive = new Date();
  let loaded = lastLive;
  const showSince = () => {
    for (const since of document.querySelectorAll("[data-connection-since]")) since.textContent = lastLive.toLocaleTimeString();
  };
  const show = (state) => {
    root.dataset.connection = state;
    showSince();
  };
  onVisit(() => {
    loaded = new Date();
    showSince();
  });
  document.addEventListener("live:state", ({ detail }) => {
    clearTimeout(timer);
    if (detail === "live" || detail === "late") show(detail);
    else if (root.dataset.connection === "live") lastLive = new Date();
    if (detail === "offline" || detail === "full") show(detail);
    if (detail === "reconnecting") timer = setTimeout(() => show("reconnecting"), PATIENCE);
  });
  document.addEventListener("htmx:afterSettle", () => (loaded = new Date()));
  addEventListener("beforeprint", () => {
    // What an engine was asked for, and pages that follow nothing, stay as they came.
    const follows = document.querySelector(".content [data-live-topic]") && !document.getElementById("answer");
    const isLive = root.dataset.connection === "live";
    stampForPaper(follows ? (isLive ? new Date() : lastLive) : loaded);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-connection-retry]")) live.retry();
  });
}

/** Write down for the paper which page it was, and as of when. */
function stampForPaper(at) {
  const address = document.querySelector("[data-printed-address]");
  if (address) address.textContent = location.href;
  const time = document.querySelector("[data-printed-time]");
  if (time) time.textContent = exact.format(at);
}
