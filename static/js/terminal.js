/** The terminal of a container's page: its session, its bar, and what is asked for. */
import { TermSocket } from "./termsocket.js";
import { TermView } from "./termview.js";

const KEYS = { Esc: "\x1b", Tab: "\t", Up: "\x1b[A", Down: "\x1b[B", Right: "\x1b[C", Left: "\x1b[D" };
const TOO_MANY_PAGES = 4503;
const SIGNED_OUT = 4401;
const OVER = ["ended", "failed", "problem", "taken", "cut"];
const FONT = '13px "JetBrains Mono"';

class Page {
  #root;
  #view;
  #socket;
  #state = "";
  #name = "";
  #typing = true;
  #fresh = true; // a session that was not there when the page came
  #replaying = 0; // bytes to come that were shown before

  constructor(root) {
    this.#root = root;
    const find = (name) => root.querySelector(`[data-term-${name}]`);
    this.parts = Object.fromEntries(
      ["state", "note", "place", "form", "again", "end", "stay", "keys", "copy", "paste", "ask", "why", "gone"].map((n) => [n, find(n)]),
    );
    this.#view = new TermView(this.parts.place, {
      typed: (bytes) => this.#typed(bytes),
      resized: (size) => this.#socket?.send({ type: "resize", ...size }),
      key: (event) => this.#key(event),
      control: (on) => this.#control(on),
    });
    this.#socket = new TermSocket({
      size: () => this.#view.size,
      message: (message) => this.#message(message),
      output: (bytes, done) => this.#output(bytes, done),
      lost: () => this.#show("lost"),
      closed: (code) => this.#closed(code),
    });
    this.#listen();
    this.#start();
  }

  #word(name) {
    return this.#root.dataset[`word${name}`] || "";
  }

  get #kept() {
    return `terminal ${this.#root.dataset.container}`;
  }

  #listen() {
    const { form, again, end, stay, keys, copy, paste } = this.parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.parts.ask.open = false;
      this.#socket.send({ type: "end" });
      this.#begin();
    });
    form.addEventListener("change", () => this.#readMode());
    this.parts.ask.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.parts.ask.open = false;
      this.#view.focus();
    });
    again.addEventListener("click", () => this.#start());
    end.addEventListener("click", () => this.#socket.send({ type: "end" }));
    stay.addEventListener("click", () => {
      this.#socket.send({ type: "stay" });
      this.#note("");
      this.#view.focus();
    });
    copy.addEventListener("click", () => this.#view.copy());
    paste.addEventListener("click", () => this.#paste());
    keys.addEventListener("pointerdown", (event) => event.preventDefault()); // the keyboard stays
    keys.addEventListener("click", (event) => this.#fingerKey(event.target.closest("button")));
    this.#readMode();
    this.resized = () => this.#roomAboveKeyboard();
    visualViewport.addEventListener("resize", this.resized);
  }

  /** The main process has neither command nor user nor directory to choose. */
  #readMode() {
    const attach = new FormData(this.parts.form).get("mode") === "attach";
    for (const field of this.parts.form.querySelectorAll("[data-only]")) {
      field.hidden = (field.dataset.only === "attach") !== attach;
    }
  }

  /** A keyboard on the screen covers the page without making it smaller. */
  #roomAboveKeyboard() {
    const { height, scale } = visualViewport;
    const covered = scale > 1.01 ? 0 : Math.max(0, innerHeight - height);
    this.#root.style.setProperty("--keyboard", `${covered}px`);
    this.#root.classList.toggle("has-keyboard", covered > 120);
    if (covered > 120) this.#root.scrollIntoView({ block: "start" });
  }

  stop() {
    visualViewport.removeEventListener("resize", this.resized);
    this.#socket.stop();
    this.#view.stop();
  }

  // --- A session ------------------------------------------------------------------------------

  /** Come back to the session that this tab has here, else begin one. */
  #start() {
    const kept = sessionStorage.getItem(this.#kept);
    if (!kept) return this.#begin();
    this.#fresh = false;
    this.#show("opening");
    this.#socket.begin({ type: "join", session: kept });
    this.#view.focus();
  }

  #asked() {
    const given = new FormData(this.parts.form);
    if (given.get("mode") === "attach") return { mode: "attach", typing: given.has("typing") };
    return { command: given.get("command"), user: given.get("user"), directory: given.get("directory") };
  }

  #begin() {
    this.#open();
    this.#view.focus();
  }

  #open() {
    this.#forget();
    this.#fresh = true;
    this.#note("");
    this.#view.reset();
    this.#show("opening");
    this.#socket.begin({ type: "open", container: Number(this.#root.dataset.container), ask: this.#asked() });
  }

  /** Nobody asked for it, so what is typed elsewhere meanwhile must not come here. */
  #focusIfFree() {
    const has = document.activeElement;
    if (!has || has === document.body || this.parts.place.contains(has)) this.#view.focus();
  }

  #forget() {
    sessionStorage.removeItem(this.#kept);
  }

  #message(message) {
    if (message.type === "opened") this.#opened(message);
    else if (message.type === "replay") this.#replaying = message.bytes;
    else if (message.type === "ended") this.#ended(message);
    else if (message.type === "problem") this.#problem(message);
    else if (message.type === "taken") this.#taken();
    else if (message.type === "idle") this.#note(this.#word("Idle").replace("{n}", message.seconds), true);
    else if (message.type === "note") this.#note(message.text);
  }

  #opened({ session, name, mode, typing }) {
    const attached = mode === "attach";
    this.#name = attached ? this.#word(typing ? "Main" : "Look") : name;
    if (attached) this.#note(this.#word("Quiet"));
    this.#typing = typing;
    sessionStorage.setItem(this.#kept, session);
    this.#socket.keep(session);
    this.#view.reset();
    this.#view.open = typing;
    this.#show("open");
    this.#focusIfFree();
  }

  #output(bytes, done) {
    const replay = this.#replaying > 0;
    this.#replaying = Math.max(0, this.#replaying - bytes.length);
    this.#view.write(bytes, done, replay);
  }

  #ended({ code, text, exit_code: exit }) {
    this.#forget();
    const known = exit === null || exit === undefined ? "" : this.#word(`Exit${exit}`);
    const words = exit === null || exit === undefined ? text : this.#word("Exit").replace("{n}", exit);
    this.#show(code === "exited" && exit ? "failed" : "ended", code === "exited" ? [words, known].filter(Boolean).join(": ") : text);
  }

  #problem({ code, text }) {
    this.#forget();
    // Who comes back after the session has ended gets a new one, and is told.
    if (code === "unknown" && !this.#fresh) {
      this.#open();
      this.#focusIfFree();
      return this.#note(this.#word("New"));
    }
    this.#show("problem", text);
    this.#note("");
    if (["no_shell", "not_started", "invalid", "no_input"].includes(code)) this.#askAgain(text);
    else this.#focusIfFree();
  }

  /** It can be put right: the form opens with what is wrong. */
  #askAgain(text) {
    const { ask, why, gone, form } = this.parts;
    ask.open = true;
    gone.hidden = true;
    why.hidden = false;
    why.querySelector("span").textContent = text;
    const field = [...form.querySelectorAll("input,select")].find((one) => one.name === "command" && one.offsetParent);
    (field || form.elements.mode).focus();
  }

  #taken() {
    this.#show("taken");
  }

  #closed(code) {
    if (code === TOO_MANY_PAGES) return this.#show("problem", this.#word("Full"));
    if (!["opening", "open", "lost"].includes(this.#state)) return;
    const livesOn = code !== SIGNED_OUT && sessionStorage.getItem(this.#kept);
    if (livesOn) this.#show("cut");
    else this.#show("ended", this.#word("Closed"));
  }

  // --- Typing ---------------------------------------------------------------------------------

  #typed(bytes) {
    if (this.#state !== "open" || !this.#typing) return;
    if (!this.parts.stay.hidden) this.#note("");
    this.#socket.type(bytes);
  }

  #key(event) {
    if (event.ctrlKey && event.key === "F6") {
      this.parts.ask.querySelector("summary").focus();
      event.preventDefault();
      return false;
    }
    if (!OVER.includes(this.#state) || event.key !== "Enter") return true;
    event.preventDefault();
    this.parts.again.click();
    return false;
  }

  #fingerKey(button) {
    if (!button) return;
    this.#control(this.#view.press(KEYS[button.value] ?? button.value));
  }

  #control(on) {
    this.parts.keys.querySelector("[value=Ctrl]").setAttribute("aria-pressed", String(on));
  }

  async #paste() {
    if (!(await this.#view.paste())) this.#note(this.#word("Nopaste"));
  }

  // --- What the bar says ----------------------------------------------------------------------

  #note(text, stay = false) {
    this.parts.note.textContent = text;
    this.parts.stay.hidden = !stay;
  }

  #show(state, text = "") {
    this.#state = state;
    const { parts } = this;
    const words = text || this.#word(state[0].toUpperCase() + state.slice(1));
    const named = state === "open" && this.#name ? `${words} · ${this.#name}` : words;
    parts.state.textContent = named;
    parts.state.dataset.state = state;
    const over = OVER.includes(state);
    parts.again.hidden = !over;
    parts.end.hidden = state !== "open";
    parts.gone.hidden = state !== "problem";
    parts.why.hidden = true;
    parts.gone.querySelector("span").textContent = state === "problem" ? text : "";
    this.#root.classList.toggle("is-over", over || state === "lost");
    if (state !== "open") this.#view.open = false;
    const again = { taken: "Back", cut: "Back", problem: "Retry" }[state] || "Again";
    if (over) parts.again.querySelector("span").textContent = this.#word(again);
  }
}

/** Begin. Returns what ends it. */
export function startPage() {
  const root = document.querySelector("[data-term]");
  let page = null;
  let left = false;
  // Letters are measured once, so the typeface must be there.
  const loaded = document.fonts.load(FONT).catch(() => null);
  loaded.then(() => !left && (page = new Page(root)));
  return () => {
    left = true;
    page?.stop();
  };
}
