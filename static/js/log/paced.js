/** Sends what is asked for at a pace that the server takes: a few at once, many one after the other. */
const AT_ONCE = 25; // the server takes 40 at once, and closes the connection at more than ten a second after them
const EVERY = 110; // ms

export class Paced {
  #send;
  #free = 0; // when as many could be sent at once again
  #waiting = null; // the newest message: of what is asked for one thing takes the place of the other
  #timer = 0;

  constructor(send) {
    this.#send = send;
  }

  send(message) {
    this.#waiting = message;
    if (!this.#timer) this.#go();
  }

  /** A new connection: nothing was sent over it. */
  again() {
    clearTimeout(this.#timer);
    this.#waiting = null;
    this.#timer = this.#free = 0;
  }

  #go() {
    this.#timer = 0;
    const now = performance.now();
    const wait = this.#free - now - (AT_ONCE - 1) * EVERY;
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#go(), wait);
      return;
    }
    const message = this.#waiting;
    this.#waiting = null;
    this.#free = Math.max(this.#free, now) + EVERY;
    this.#send(message);
  }
}
