/** What is looked for: a text, or a regular expression whose time is bounded. */
const PATIENCE = 1000; // ms for one batch of lines
const MOST = 50;

/** A plain text, found in our own thread: it cannot take long. */
export class PlainText {
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

/** A regular expression; `TooSlow` when one batch takes too long. */
export class Regular {
  #address;
  #source;
  #flags;
  #worker = null;
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

  stop() {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#asked.values()) reject(new Stopped());
    this.#asked.clear();
  }

  #ask(question) {
    this.#worker ??= this.#begin();
    const id = (this.#id += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#late(), PATIENCE);
      this.#asked.set(id, { resolve, reject, timer });
      this.#worker.postMessage({ id, source: this.#source, flags: this.#flags, ...question });
    });
  }

  #begin() {
    const worker = new Worker(this.#address, { type: "module" });
    worker.onmessage = ({ data }) => {
      const asked = this.#asked.get(data.id);
      if (!asked) return;
      clearTimeout(asked.timer);
      this.#asked.delete(data.id);
      asked.resolve(data);
    };
    return worker;
  }

  #late() {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject, timer } of this.#asked.values()) {
      clearTimeout(timer);
      reject(new TooSlow());
    }
    this.#asked.clear();
  }
}

export class TooSlow extends Error {}
export class Stopped extends Error {}

/** Return what finds `{ text, regular, cased }`, null for nothing. Throws SyntaxError. */
export function expressionOf({ text, regular, cased }, address) {
  if (!text) return null;
  return regular ? new Regular(address, text, cased) : new PlainText(text, cased);
}
