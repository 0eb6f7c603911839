/** The socket of a terminal: begins a session, comes back to it, and tells how much was shown. */

const PATH = "/ws/terminal/";
const FIRST_WAIT = 300;
const LONGEST_WAIT = 5000;
const OPEN_WITHIN = 10000;
const PING_EVERY = 20000;
const PONG_WITHIN = 10000;
const TOLD_EVERY = 128 * 1024; // bytes shown; the server waits at 512 KiB
const TOLD_AFTER = 100; // ms, when less was shown: a word for each dot of a ping would be far too many
// Malformed, signed out, too many messages, too many pages: trying again would not help.
const FINAL = [4400, 4401, 4429, 4503];

export class TermSocket {
  #socket = null;
  #first = null;
  #on;
  #attempt = 0;
  #timers = {};
  #shown = 0; // bytes that the server has yet to be told of
  #over = true;

  /** `on`: message(object), output(bytes, done), lost(), closed(code), size(). */
  constructor(on) {
    this.#on = on;
    this.retry = () => this.#retry();
    addEventListener("online", this.retry);
  }

  /** Begin with a first message, in place of what was. */
  begin(first) {
    this.#drop();
    this.#first = first;
    this.#over = false;
    this.#attempt = 0;
    this.#connect();
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.open) this.#socket.send(JSON.stringify(message));
  }

  type(bytes) {
    if (this.open) this.#socket.send(bytes);
  }

  /** From now on come back to this session when the connection is lost. */
  keep(session) {
    this.#first = { type: "join", session };
  }

  stop() {
    removeEventListener("online", this.retry);
    this.#drop();
  }

  #drop() {
    const socket = this.#socket;
    this.#over = true;
    this.#socket = null;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    socket?.close();
  }

  #retry() {
    if (this.#over || this.#socket) return;
    this.#attempt = 0;
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#timers.wait);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${PATH}`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#forgetShown();
    this.#timers.open = setTimeout(() => this.#lose(), OPEN_WITHIN);
    socket.onopen = () => socket === this.#socket && this.#opened();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#received(data);
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
  }

  #opened() {
    clearTimeout(this.#timers.open);
    this.send({ ...this.#first, ...this.#on.size(), acks: true });
    this.#ping();
  }

  #ping() {
    clearTimeout(this.#timers.ping);
    this.#timers.ping = setTimeout(() => {
      this.send({ type: "ping" });
      this.#timers.pong = setTimeout(() => this.#lose(), PONG_WITHIN);
      this.#ping();
    }, PING_EVERY);
  }

  /** A dead network may never tell that it closed, nor that it does not open. */
  #lose() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(1006);
    socket.close();
  }

  #received(data) {
    clearTimeout(this.#timers.pong);
    if (typeof data !== "string") return this.#output(data);
    const message = JSON.parse(data);
    if (["ended", "problem", "taken", "bye"].includes(message.type)) this.#over = true;
    if (message.type === "opened") this.#attempt = 0;
    this.#on.message(message);
  }

  #output(data) {
    const { byteLength } = data;
    const socket = this.#socket;
    this.#on.output(new Uint8Array(data), () => socket === this.#socket && this.#told(byteLength));
  }

  #told(count) {
    this.#shown += count;
    if (this.#shown >= TOLD_EVERY) this.#tell();
    else this.#timers.told ??= setTimeout(() => this.#tell(), TOLD_AFTER);
  }

  #tell() {
    this.send({ type: "shown", bytes: this.#shown });
    this.#forgetShown();
  }

  #forgetShown() {
    this.#shown = 0;
    clearTimeout(this.#timers.told);
    this.#timers.told = null;
  }

  #closed(code) {
    this.#socket = null;
    for (const name of ["open", "ping", "pong"]) clearTimeout(this.#timers[name]);
    if (FINAL.includes(code)) this.#over = true;
    if (this.#over) return this.#on.closed(code);
    const wait = Math.min(FIRST_WAIT * 2 ** this.#attempt, LONGEST_WAIT) * (0.7 + 0.6 * Math.random());
    this.#attempt += 1;
    this.#timers.wait = setTimeout(() => this.#connect(), wait);
    this.#on.lost();
  }
}
