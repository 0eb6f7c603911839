const TAB = 9;

/** The bytes of a log as they came, in numbered blocks that lines point into. */
export class Blocks {
  bytes = 0;
  #all = [];
  #tabs = []; // whether there may be one in a block

  /** Keep bytes. Returns their number. */
  add(bytes) {
    this.bytes += bytes.length;
    this.#tabs.push(bytes.indexOf(TAB) >= 0); // now, while more is on its way
    return this.#all.push(bytes) - 1;
  }

  get(number) {
    return this.#all[number];
  }

  /** Whether a block may have a tab in it. */
  tabs(number) {
    return this.#tabs[number];
  }

  get count() {
    return this.#all.length;
  }

  /** Let go of some. */
  release(numbers) {
    for (const at of numbers) {
      if (!this.#all[at]) continue;
      this.bytes -= this.#all[at].length;
      this.#all[at] = null;
    }
  }

  /** Let go of blocks below `number`; those in `kept` stay. */
  drop(number, kept) {
    for (let at = 0; at < number; at += 1) {
      if (!this.#all[at] || kept.has(at)) continue;
      this.bytes -= this.#all[at].length;
      this.#all[at] = null;
    }
  }
}
