/** The worker's own connection to Quayside: what it brings never passes through the page's thread. */
const FIRST_WAIT = 300;
const LONGEST_WAIT = 5000;
const FULL_WAIT = 30000; // others must be closed first
const OPEN_WITHIN = 10000;
const PING_EVERY = 20000;
const PONG_WITHIN = 10000;
const SIGNED_OUT = 4401;
const TOO_MANY_PAGES = 4503;

export class Link {
  #address;
  #heard;
  #socket = null;
  #attempt = 0;
  #timers = {};
  #stopped = false;

  /** `heard` has `open()`, `closed(code)`, `bytes(Uint8Array)` and `message(object)`. */
  constructor(address, heard) {
    this.#address = address;
    this.#heard = heard;
    self.addEventListener("online", () => this.#retry());
    this.#connect();
  }

  /** Send a message. Returns false when there is no connection. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  stop() {
    this.#stopped = true;
    const socket = this.#socket;
    this.#forget();
    socket?.close();
  }

  #connect() {
    const socket = new WebSocket(this.#address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#timers.open = setTimeout(() => this.#drop(), OPEN_WITHIN);
    socket.onopen = () => socket === this.#socket && this.#opened();
    socket.onmessage = (event) => socket === this.#socket && this.#received(event.data);
    socket.onclose = (event) => socket === this.#socket && this.#closed(event.code);
  }

  #opened() {
    clearTimeout(this.#timers.open);
    this.#timers.ping = setInterval(() => this.#ping(), PING_EVERY);
    this.#heard.open();
  }

  #received(data) {
    clearTimeout(this.#timers.pong);
    this.#attempt = 0;
    if (typeof data === "string") this.#heard.message(JSON.parse(data));
    else this.#heard.bytes(new Uint8Array(data));
  }

  #ping() {
    this.send({ type: "ping" });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => this.#drop(), PONG_WITHIN);
  }

  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.close();
    this.#closed(1006);
  }

  #closed(code) {
    this.#forget();
    this.#heard.closed(code);
    if (this.#stopped || code === SIGNED_OUT) return;
    const grown = Math.min(FIRST_WAIT * 2 ** this.#attempt, LONGEST_WAIT) * (0.7 + 0.6 * Math.random());
    this.#attempt += 1;
    this.#timers.wait = setTimeout(() => this.#connect(), code === TOO_MANY_PAGES ? FULL_WAIT : grown);
  }

  #retry() {
    if (this.#stopped || this.#socket) return;
    clearTimeout(this.#timers.wait);
    this.#attempt = 0;
    this.#connect();
  }

  #forget() {
    this.#socket = null;
    clearInterval(this.#timers.ping);
    for (const name of ["open", "pong", "wait"]) clearTimeout(this.#timers[name]);
  }
}
