/**
 * The page's one WebSocket: says what the page shows, and keeps it as the server says.
 *
 * The page's own ids and revisions travel with every subscription, so nothing is lost between the
 * page's rendering and the socket, nor while a connection was down. See docs/concepts/live.md.
 */
import { arrange } from "./lists.js";
import { parse, patch } from "./patch.js";
import { Slices } from "./slices.js";
import { word } from "./words.js";

const FIRST_WAIT = 300;
const DRAWING = 30; // ms that are left to what a new page draws first
const LONGEST_WAIT = 5000;
const PING_EVERY = 20000;
const PONG_WITHIN = 10000;
const OFFLINE_AFTER = 8000;
const TOO_MANY_PAGES = 4503;
const FULL_WAIT = 30000; // others must be closed first
const CALM_ABOVE = 40; // no fades when this many change at once

class Live {
  state = "";
  #socket = null;
  #attempt = 0;
  #timers = {};
  #slices = new Slices();
  #topics = new Map(); // name -> { element, args, spare }
  #listeners = new Map();
  #stopped = false;
  #late = false; // the server hears of no changes and looks for them now and then
  #lostAt = performance.now();

  /** Call `run` for each message of a type that live.js does not handle itself. Returns what ends that. */
  on(type, run) {
    this.#listeners.set(type, [...(this.#listeners.get(type) || []), run]);
    return () => this.#listeners.set(type, this.#listeners.get(type).filter((one) => one !== run));
  }

  /** Send a message. Returns false when there is no connection. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Connect, and stay connected. */
  start() {
    this.#show("reconnecting");
    this.#connect();
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.#drop());
    addEventListener("pagehide", () => this.#drop(true));
    addEventListener("pageshow", (event) => event.persisted && this.#resume());
    document.addEventListener("visibilitychange", () => document.hidden || this.retry());
    document.addEventListener("htmx:afterSettle", () => this.topicsChanged());
  }

  /** The page is another one now: a connection of its own, so that no message for the former is taken for it. */
  renew() {
    if (this.#stopped) return;
    const socket = this.#socket;
    this.#forget();
    socket?.close();
    this.#slices.drop("");
    this.#attempt = 0;
    this.#lostAt ??= performance.now();
    this.#show("reconnecting");
    this.#timers.wait = setTimeout(() => this.#connect(), DRAWING);
  }

  /** Try at once instead of waiting on. */
  retry() {
    if (this.#stopped || this.#socket) return;
    this.#attempt = 0;
    this.#connect();
  }

  /** Tell the server that the page's topics or their arguments changed. */
  topicsChanged() {
    const before = new Map([...this.#topics].map(([name, topic]) => [name, topic.args]));
    this.#readTopics();
    const same = before.size === this.#topics.size && [...before.keys()].every((n) => this.#topics.has(n));
    if (!same) return this.send({ type: "subscribe", topics: this.#describeAll() });
    for (const [name, topic] of this.#topics) {
      if (before.get(name) !== topic.args) this.#sendArgs(name);
    }
  }

  #sendArgs(name) {
    this.#slices.drop(`${name} `);
    this.send({ type: "args", ...this.#describe(name) });
  }

  // --- the connection ---------------------------------------------------------------------

  #connect() {
    clearTimeout(this.#timers.wait);
    if (this.#stopped) return; // left while it waited
    const path = document.body.dataset.live || "/ws/live/";
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#timers.open = setTimeout(() => socket.readyState === WebSocket.CONNECTING && socket.close(), 10000);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => socket === this.#socket && this.#received(event.data);
    socket.onclose = (event) => socket === this.#socket && this.#closed(event.code);
  }

  #opened() {
    this.#late = false;
    this.#readTopics();
    this.send({ type: "subscribe", topics: this.#describeAll() });
    this.#timers.ping = setInterval(() => this.#ping(), PING_EVERY);
    this.#emit("open", {});
  }

  #ping() {
    this.send({ type: "ping" });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => this.#drop(), PONG_WITHIN);
  }

  #closed(code) {
    this.#forget();
    if (code === 4401) return this.#signIn();
    if (this.#stopped) return;
    this.#lostAt ??= performance.now();
    if (code === TOO_MANY_PAGES) return this.#full();
    const wait = Math.min(FIRST_WAIT * 2 ** this.#attempt, LONGEST_WAIT) * (0.7 + 0.6 * Math.random());
    this.#attempt += 1;
    const long = performance.now() - this.#lostAt > OFFLINE_AFTER;
    this.#show(long || navigator.onLine === false ? "offline" : "reconnecting");
    this.#timers.wait = setTimeout(() => this.#connect(), wait);
  }

  #full() {
    this.#show("full");
    this.#timers.wait = setTimeout(() => this.#connect(), FULL_WAIT);
  }

  /** Close from our side; a dead network may never tell us that it closed. */
  #drop(stop = false) {
    this.#stopped = stop;
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.close();
    if (stop) this.#forget();
    else this.#closed(1006);
  }

  #resume() {
    this.#stopped = false;
    this.#show("reconnecting");
    this.retry();
  }

  #forget() {
    this.#socket = null;
    clearInterval(this.#timers.ping);
    for (const name of ["pong", "wait", "open"]) clearTimeout(this.#timers[name]);
  }

  #show(state) {
    if (state === "live" || state === "late") this.#lostAt = null;
    if (state === this.state) return;
    this.state = state;
    document.dispatchEvent(new CustomEvent("live:state", { detail: state }));
  }

  #signIn() {
    this.#stopped = true;
    const next = encodeURIComponent(location.pathname + location.search);
    location.assign(`${document.body.dataset.signIn || "/accounts/login/"}?next=${next}`);
  }

  // --- what the page shows ----------------------------------------------------------------

  #readTopics() {
    const found = new Map();
    for (const element of document.querySelectorAll("[data-live-topic]")) {
      const name = element.dataset.liveTopic;
      const known = this.#topics.get(name);
      const args = element.dataset.liveArgs || "";
      const same = known && known.element === element && known.args === args;
      found.set(name, same ? known : { element, args, spare: new Map() });
    }
    this.#topics = found;
  }

  #describeAll() {
    return [...this.#topics.keys()].map((name) => this.#describe(name));
  }

  #describe(name) {
    const { element, args, spare } = this.#topics.get(name);
    const have = {};
    const lists = {};
    const own = (one) => one.closest("[data-live-topic]") === element;
    for (const one of element.querySelectorAll("[id][data-rev]")) if (own(one)) have[one.id] = one.dataset.rev;
    for (const list of element.querySelectorAll("[data-live-list][id]")) {
      if (own(list)) lists[list.id] = [...list.children].filter((row) => row.id).map((row) => row.id);
    }
    if (element.id && element.dataset.rev !== undefined) have[element.id] = element.dataset.rev;
    spare.clear(); // the server sends again what is not on the page
    return { topic: name, args, have, lists };
  }

  // --- what the server says ---------------------------------------------------------------

  #received(text) {
    clearTimeout(this.#timers.pong);
    const message = JSON.parse(text);
    if (message.type === "update") this.#update(message);
    else if (message.type === "ready") this.#ready();
    else if (message.type === "late") this.#setLate(message.late);
    else if (message.type === "gone") this.#gone(message);
    else if (message.type === "bye") this.#signIn();
    this.#emit(message.type, message);
  }

  #emit(type, message) {
    for (const run of this.#listeners.get(type) || []) run(message);
  }

  #ready() {
    this.#attempt = 0;
    this.#slices.add("ready", () => this.#show(this.#late ? "late" : "live"), true);
    this.#slices.start();
  }

  #setLate(late) {
    this.#late = late;
    if (this.state === "live" || this.state === "late") this.#show(late ? "late" : "live");
  }

  #update(message) {
    const name = message.topic;
    const topic = this.#topics.get(name);
    // An answer to a question that the page no longer asks.
    if (!topic || (message.args !== undefined && message.args !== topic.args)) return;
    for (const [id, html] of Object.entries(message.set || {})) {
      this.#slices.add(`${name} set ${id}`, () => this.#set(topic, id, html));
    }
    for (const [id, ids] of Object.entries(message.lists || {})) {
      this.#slices.add(`${name} order ${id}`, () => this.#order(name, topic, id, ids), true);
    }
    this.#slices.start();
  }

  #set(topic, id, html) {
    const fresh = parse(html);
    if (!fresh || fresh.id !== id) return;
    const old = document.getElementById(id);
    const here = old && (topic.element.contains(old) || old === topic.element);
    if (here) {
      const kept = patch(old, fresh, this.#slices.size < CALM_ABOVE);
      if (kept === topic.element || old === topic.element) topic.element = kept;
      if ("total" in kept.dataset) kept.dispatchEvent(new CustomEvent("live:total", { bubbles: true }));
    } else topic.spare.set(id, fresh);
  }

  #order(name, topic, id, ids) {
    const list = document.getElementById(id);
    if (!list && ids.length && "liveReload" in topic.element.dataset) return location.reload();
    if (!list || !topic.element.contains(list)) return;
    const missing = arrange(list, ids, topic.spare, this.#slices.size < CALM_ABOVE);
    list.dispatchEvent(new CustomEvent("live:list", { bubbles: true }));
    if (missing.length) this.#askAgain(name);
  }

  /** Rows that were never sent: ask for the topic anew, at most once a second. */
  #askAgain(name) {
    clearTimeout(this.#timers[`again ${name}`]);
    this.#timers[`again ${name}`] = setTimeout(() => this.#topics.has(name) && this.#sendArgs(name), 1000);
  }

  #gone(message) {
    const topic = this.#topics.get(message.topic);
    if (!topic) return;
    this.#slices.drop(`${message.topic} `);
    const note = document.createElement("div");
    note.className = "empty";
    note.setAttribute("role", "alert");
    const text = document.createElement("p");
    text.textContent = message.message || word("gone");
    note.append(text);
    topic.element.replaceChildren(note);
    delete topic.element.dataset.liveTopic;
    this.#topics.delete(message.topic);
  }
}

export const live = new Live();
