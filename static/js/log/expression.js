/** What is looked for: a text, or a regular expression whose time is bounded. */
const PATIENCE = 1000; // ms for one batch of lines
const LOADING = 10_000; // ms for the script that looks at them, which may come slowly
const AGAIN = 1000; // ms after which it is loaded once more
const MOST = 50;

/** A plain text, found in our own thread: it cannot take long. */
export class PlainText {
  loaded = true;
  #text;
  #cased;

  constructor(text, cased) {
    this.#cased = cased;
    this.#text = cased ? text : text.toLowerCase();
  }

  async mask(texts) {
    const mask = new Uint8Array(texts.length);
    for (let at = 0; at < texts.length; at += 1) mask[at] = this.#own(texts[at]).includes(this.#text) ? 1 : 0;
    return mask;
  }

  async places(texts) {
    return texts.map((text) => {
      const own = this.#own(text);
      const found = [];
      for (let at = own.indexOf(this.#text); at >= 0 && found.length < MOST; at = own.indexOf(this.#text, at + this.#text.length)) {
        found.push([at, at + this.#text.length]);
      }
      return found;
    });
  }

  stop() {}

  #own(text) {
    return this.#cased ? text : text.toLowerCase();
  }
}

/** A regular expression; `TooSlow` when one batch takes too long, `NotLoaded` when there is no script for it. */
export class Regular {
  loaded = false;
  #address;
  #source;
  #flags;
  #worker = null;
  #loading = null; // a promise
  #giveUp = () => {}; // (error): rejects it
  #timers = [];
  #asked = new Map();
  #id = 0;

  constructor(address, source, cased) {
    this.#address = address;
    this.#source = source;
    this.#flags = cased ? "u" : "iu";
    new RegExp(source, this.#flags); // throws SyntaxError for what is none
  }

  async mask(texts) {
    return (await this.#ask({ texts })).mask;
  }

  async places(texts) {
    return (await this.#ask({ texts, places: true })).places;
  }

  /** Have the script ready. */
  load() {
    this.#loading ??= new Promise((resolve, reject) => {
      this.#giveUp = reject;
      this.#timers.push(setTimeout(() => this.#end(new NotLoaded()), LOADING));
      this.#begin(resolve, () => this.#later(() => this.#begin(resolve, () => this.#end(new NotLoaded()))));
    });
    return this.#loading;
  }

  stop() {
    this.#end(new Stopped());
  }

  async #ask(question) {
    await this.load();
    if (!this.#worker) throw new Stopped(); // meanwhile
    const id = (this.#id += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(new TooSlow()), PATIENCE);
      this.#asked.set(id, { resolve, reject, timer });
      this.#worker.postMessage({ id, source: this.#source, flags: this.#flags, ...question });
    });
  }

  #later(work) {
    this.#timers.push(setTimeout(work, AGAIN));
  }

  #begin(done, failed) {
    this.#worker = new Worker(this.#address, { type: "module" });
    this.#worker.onerror = () => this.loaded || failed();
    this.#worker.onmessage = ({ data }) => {
      if (!data.loaded) return this.#answered(data);
      this.loaded = true;
      this.#timers.splice(0).forEach(clearTimeout);
      return done();
    };
  }

  #answered(data) {
    const asked = this.#asked.get(data.id);
    if (!asked) return;
    clearTimeout(asked.timer);
    this.#asked.delete(data.id);
    asked.resolve(data);
  }

  #end(error) {
    this.#worker?.terminate();
    this.#worker = this.#loading = null;
    this.loaded = false;
    this.#timers.splice(0).forEach(clearTimeout);
    this.#giveUp(error);
    for (const { reject, timer } of this.#asked.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#asked.clear();
  }
}

/** Why an expression is not in force: `why` names a sentence of the page. */
export class Dropped extends Error {}
export class TooSlow extends Dropped {
  why = "slow";
}
export class NotLoaded extends Dropped {
  why = "unmatched";
}
export class Stopped extends Error {}

/** Return what finds `{ text, regular, cased }`, null for nothing. Throws SyntaxError. */
export function expressionOf({ text, regular, cased }, address) {
  if (!text) return null;
  return regular ? new Regular(address, text, cased) : new PlainText(text, cased);
}
