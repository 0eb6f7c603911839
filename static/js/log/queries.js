/** The filter and the search of a view. */
import { Dropped, expressionOf, Stopped } from "./expression.js";
import { Scan } from "./scan.js";

export class Queries {
  #store;
  #rows;
  #matcher; // () => the address of its script
  #changed;
  #post;
  #drop; // () => takes the filter away
  #filter = null; // Scan
  #renewed = null; // the Scan that will take its place
  #search = null;
  #shown = null; // the expression that marks hits in what is shown

  constructor(log, matcher, changed) {
    this.#store = log.store;
    this.#rows = log.rows;
    this.#post = log.post;
    this.#drop = () => log.filter({ wanted: null });
    this.#matcher = matcher;
    this.#changed = changed;
  }

  /** What the page is told of both. */
  facts() {
    const filter = this.#renewed || this.#filter;
    return {
      filtered: Boolean(this.#filter),
      filtering: Boolean(filter && !filter.done),
      hits: this.#search ? this.#search.list.count : -1,
      searching: Boolean(this.#search && !this.#search.done),
    };
  }

  /** Look at what is new. */
  run() {
    for (const scan of [this.#filter, this.#renewed, this.#search]) this.#run(scan);
  }

  #run(scan) {
    scan?.run().catch((error) => this.#failed(error, scan));
  }

  /** Show only the lines that a question lets through, null for all. */
  filter(question) {
    this.#filter?.stop();
    this.#renewed?.stop();
    this.#renewed = null;
    this.#filter = question && this.#scan(question, () => this.#filtered());
    this.#rows.choose(this.#filter?.list || null);
    this.search(this.#search?.question);
  }

  /** The filter has let more lines through: they are searched, too. */
  #filtered() {
    this.#run(this.#search);
    this.#changed();
  }

  /** Look for a text or an expression in what is shown, null for nothing. */
  search(question) {
    this.#seek(question);
    this.#changed();
  }

  #seek(question) {
    const same = this.#search && question === this.#search.question;
    this.#search?.stop();
    this.#search = null;
    if (!same) this.#shown?.stop();
    if (!same) this.#shown = null;
    if (question?.text) this.#begin(question);
    this.#run(this.#search);
  }

  /** The numbers of lines have changed. */
  moved(moved) {
    if (this.#filter) {
      this.#filter.stop(); // the numbers that it has in hand are old
      this.#filter.list.move(moved);
      this.#renew();
    }
    if (this.#search) this.#seek(this.#search.question);
  }

  /** Return where in texts the hits are, null without a search. Rows do not wait for its script. */
  async places(texts) {
    try {
      return this.#shown?.loaded ? await this.#shown.places(texts) : null;
    } catch {
      return null; // it took too long: the search says so
    }
  }

  /**
   * Tell where hit `at` is; when it is not given, the nearest one after or before line `number`, or unit `from` where there
   * is no such line.
   */
  hit({ at, number, from, back }) {
    const list = this.#search?.list;
    if (!list?.count) return;
    const wanted = ((at ?? this.#nearest(list, number, from, back)) + list.count) % list.count;
    const found = list.numbers[wanted];
    this.#post({ type: "hit", at: wanted, number: found, unit: this.#rows.top(this.#rows.row(found)) });
  }

  #nearest(list, number, from, back) {
    const line = number ?? this.#rows.line(this.#rows.at(from));
    const at = list.from(line);
    if (back) return at - 1;
    return number !== undefined && list.numbers[at] === number ? at + 1 : at;
  }

  /** The numbers of lines have changed: the old list stays until the new one is whole. */
  #renew() {
    this.#renewed?.stop();
    const scan = this.#scan(this.#filter.question, () => {
      if (this.#renewed !== scan) this.#filtered(); // it has taken its place
      else if (scan.done) this.#swap(scan);
    });
    this.#renewed = scan;
    this.run();
  }

  #swap(scan) {
    this.#filter.stop();
    this.#filter = scan;
    this.#renewed = null;
    this.#rows.choose(scan.list);
    this.search(this.#search?.question);
  }

  #scan(question, changed) {
    const expression = this.#expression(question, "filter");
    if (expression === undefined) return null;
    const store = this.#store;
    const everything = { get count() { return store.count; }, line: (row) => row };
    return new Scan(store, everything, expression, { ...question, together: true, marks: true }, changed);
  }

  #begin(question) {
    const expression = this.#expression(question, "search");
    if (!expression) return;
    this.#shown ??= this.#expression(question, "search");
    if (!this.#shown.loaded) this.#shown.load().then(() => this.#changed(), () => {}); // the search says why
    this.#search = new Scan(this.#store, this.#rows, expression, question, () => this.#changed());
  }

  #expression(question, where) {
    try {
      return expressionOf(question, this.#matcher());
    } catch (error) {
      this.#post({ type: "dropped", where, why: "mistake", text: error.message });
      return undefined;
    }
  }

  #failed(error, scan) {
    if (error instanceof Stopped) return;
    if (!(error instanceof Dropped)) throw error;
    const where = scan === this.#search ? "search" : "filter";
    if (where === "search") this.search(null);
    else this.#drop();
    this.#post({ type: "dropped", where, why: error.why });
  }
}
