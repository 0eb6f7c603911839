/** The log of a container's page: opens it over the page's socket, and runs its buttons. */
import { live } from "./live.js";
import { LogView } from "./logview.js";
import { postForm } from "./post.js";

const TOPIC = "logs";

class Log {
  #root;
  #view;
  #last = { at: "", same: 0 };
  #open = false; // the server has answered
  #over = ""; // why there will be nothing more
  #cut = false; // the stream has lost the host
  #away = false; // the host is known to be away
  #drawing = false;
  #stops = [];

  constructor(root) {
    this.#root = root;
    const find = (name) => root.querySelector(`[data-log-${name}]`);
    this.parts = { state: find("state"), pause: find("pause"), fresh: find("new"), settings: find("settings"), host: find("host") };
    const words = { unkept: this.#word("Unkept"), all: this.#word("All"), err: this.#word("Err") };
    this.#view = new LogView(find("scroll"), find("lines"), words, () => this.#drawSoon());
    this.#listen();
    this.#readHost();
    this.#ask();
    this.#draw();
  }

  #word(name) {
    return this.#root.dataset[`word${name}`] || "";
  }

  #listen() {
    this.#stops = [
      live.on("open", () => this.#ask()),
      live.on("log", (message) => this.#received(message.frames)),
      live.on("log.gap", (message) => this.#gap(message.skipped)),
      live.on("log.end", (message) => this.#ended(message)),
      live.on("gone", (message) => message.topic === TOPIC && this.#gone(message.message)),
    ];
    const stateChanged = (event) => event.detail !== "live" && this.#lost();
    document.addEventListener("live:state", stateChanged);
    this.#stops.push(() => document.removeEventListener("live:state", stateChanged));
    this.parts.pause.addEventListener("click", () => this.#togglePause());
    this.parts.fresh.addEventListener("click", () => this.#view.follow());
    this.parts.settings.addEventListener("change", () => this.#settings());
    const told = { childList: true, subtree: true, attributeFilter: ["data-away"] };
    new MutationObserver(() => this.#readHost()).observe(this.parts.host, told);
  }

  /** The page is left. Its stream ends with the page's socket. */
  stop() {
    for (const stop of this.#stops) stop();
  }

  /** What the page is told of the host; a stream that is quiet cannot know. */
  #readHost() {
    const away = Boolean(this.parts.host.querySelector("[data-away]"));
    if (away === this.#away) return;
    this.#away = away;
    this.#drawSoon();
  }

  /** Ask for the log: its end at first, what we lack after a lost connection. */
  #ask() {
    if (this.#over === "gone") return;
    const args = new URLSearchParams({ container: this.#root.dataset.container });
    if (this.#last.at) {
      args.set("after", this.#last.at);
      args.set("same", this.#last.same);
    }
    this.#over = "";
    this.#cut = false;
    live.send({ type: "stream.open", topic: TOPIC, args: args.toString() });
  }

  #received(frames) {
    this.#open = true;
    for (const [stream, at] of frames) {
      if (!stream) this.#marked(at);
      if (!stream || !at) continue;
      if (at === this.#last.at) this.#last.same += 1;
      else this.#last = { at, same: 1 };
    }
    this.#view.add(frames);
  }

  #marked(code) {
    if (code === "away") this.#cut = true;
    else if (code === "back") this.#cut = this.#away = false;
  }

  #gap(skipped) {
    const text = skipped < 0 ? this.#word("Hole") : this.#word("Gap").replace("{n}", skipped.toLocaleString());
    this.#view.add([[0, "gap", text]]);
  }

  #ended(message) {
    this.#open = true;
    this.#over = message.code;
    this.#view.add([[0, message.code, message.reason]]);
  }

  #gone(text) {
    this.#over = "gone";
    this.#view.clear();
    this.#view.add([[0, "gone", text]]);
  }

  #lost() {
    this.#open = false;
    this.#draw();
  }

  #togglePause() {
    if (this.#view.paused) this.#view.follow();
    else this.#view.pause();
  }

  #settings() {
    for (const box of this.parts.settings.querySelectorAll("input[type=checkbox]")) {
      this.#root.classList.toggle(`has-${box.value}`, box.checked);
    }
    postForm(this.parts.settings, null, { Accept: "application/json" });
  }

  // --- What the bar says ----------------------------------------------------------------------

  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => this.#draw(), 100);
  }

  #stateWord() {
    if (this.#over) return "Ended";
    if (!this.#open && this.#last.at) return "Lost";
    if (this.#cut || this.#away) return "Away";
    if (!this.#open) return "Opening";
    if (this.#view.paused) return "Paused";
    if (!this.#view.following) return "Scrolled";
    return this.#view.empty ? "None" : "Follow";
  }

  #draw() {
    this.#drawing = false;
    const { state, pause, fresh, host } = this.parts;
    const word = this.#stateWord();
    if (state.textContent !== this.#word(word)) state.textContent = this.#word(word);
    state.dataset.state = word.toLowerCase();
    host.hidden = word !== "Away";
    const { paused, following, unseen } = this.#view;
    pause.setAttribute("aria-pressed", String(paused));
    pause.querySelector("span").textContent = this.#word(paused ? "Resume" : "Pause");
    pause.querySelector(".qi").className = `qi qi-player-${paused ? "play" : "pause"}`;
    fresh.hidden = following;
    const text = unseen === 1 ? this.#word("One") : this.#word("New").replace("{n}", unseen.toLocaleString());
    fresh.querySelector("span").textContent = unseen ? text : this.#word("End");
  }
}

/** Begin. Returns what ends it. */
export function startPage() {
  const root = document.querySelector("[data-log]");
  if (!root) return null; // the page has the log as text
  const log = new Log(root);
  return () => log.stop();
}
