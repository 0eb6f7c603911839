/**
 * Work in slices: a hundred changes at once never hold the main thread for long.
 *
 * The first slice runs at once, so that a single change is on screen with the next frame. The rest
 * runs one slice a frame; a hidden page, which draws no frames, uses timers.
 */
const SLICE_MS = 12;

export class Slices {
  #waiting = new Map();
  #running = false;
  #size = 0;

  /** How many pieces came since the queue was last empty. */
  get size() {
    return this.#size;
  }

  /**
   * Add a piece of work; a newer piece with the same key takes the older one's place, or with
   * `last` the end of the queue: an order must come after the rows that it names.
   */
  add(key, work, last = false) {
    if (last) this.#waiting.delete(key);
    this.#waiting.set(key, work);
    this.#size += 1;
  }

  /** Begin, unless it runs already. */
  start() {
    if (this.#running) return;
    this.#running = true;
    this.#slice();
  }

  /** Forget all that waits and whose key begins like this. */
  drop(prefix) {
    for (const key of this.#waiting.keys()) if (key.startsWith(prefix)) this.#waiting.delete(key);
  }

  #slice() {
    const end = performance.now() + SLICE_MS;
    for (const [key, work] of this.#waiting) {
      this.#waiting.delete(key);
      try {
        work();
      } catch (error) {
        console.error(`live: ${key}`, error); // one bad fragment must not stop the others
      }
      if (performance.now() > end) break;
    }
    if (this.#waiting.size) {
      nextTurn(() => this.#slice());
    } else {
      this.#running = false;
      this.#size = 0;
    }
  }
}

function nextTurn(run) {
  if (document.hidden) setTimeout(run, 0);
  // The timer inside the frame lets that frame be drawn before the next slice.
  else requestAnimationFrame(() => setTimeout(run, 0));
}
