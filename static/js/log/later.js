/** What somebody wants before there are lines: it is done once all sources have answered and their lines are in place. */
const SETTLED = 400; // ms after the first line: the last lines of all have come
const PATIENCE = 3000; // ms that a source which does not answer is waited for

export class Later {
  #log;
  #free; // () => whether nothing is fetched now
  #work = null;
  #since = 0; // when the first line was there
  #timer = 0;

  constructor(log, free) {
    this.#log = log;
    this.#free = free;
  }

  /** Whether something is to be done. */
  get waiting() {
    return Boolean(this.#work);
  }

  /** Do it now, or as soon as it can be; what was wanted before is not wanted any more. */
  wait(work) {
    this.#work = work;
    this.came();
  }

  /** Something has come. */
  came() {
    const { store, sources } = this.#log;
    if (!store.spoken) return;
    this.#since ||= Date.now();
    if (!this.#work || !this.#free()) return;
    const all = [...sources.all.values()];
    const passed = Date.now() - this.#since;
    const answered = all.every((source) => source.answered || source.over);
    const wait = sources.single ? 0 : (answered ? SETTLED : PATIENCE) - passed;
    clearTimeout(this.#timer);
    if (wait > 0) this.#timer = setTimeout(() => this.came(), wait);
    else this.#go();
  }

  #go() {
    const work = this.#work;
    this.#work = null;
    work();
  }
}
