/** What the bar and the foot of a log say: following, paused, ended, how many lines; and their buttons. */
const QUIET = 100; // ms between two times that what changes often is drawn

export class Status {
  #log;
  #view;
  #post;
  #parts;
  #facts = { answered: false, over: "", cut: false, lines: 0, count: 0, whole: false, loading: -1 };
  #seen = 0; // rows when the reader left the end
  #away = false; // the host is known to be away
  #paused = false;
  #opened = false; // there was an answer before
  #timer = 0;
  #drawn = 0; // when, by performance.now()
  #watch;
  #asked = false; // older lines, by scrolling to where they would be

  constructor(log, view, post) {
    this.#log = log;
    this.#view = view;
    this.#post = post;
    const names = ["state", "pause", "new", "host", "count", "older", "all", "cancel"];
    this.#parts = Object.fromEntries(names.map((name) => [name, log.find(name)]));
    this.#parts.pause.addEventListener("click", () => this.#togglePause());
    this.#parts.new.addEventListener("click", () => this.#follow());
    this.#parts.older.addEventListener("click", () => this.#fetch(false));
    this.#parts.all.addEventListener("click", () => this.#fetch(true));
    this.#parts.cancel.addEventListener("click", () => this.#post({ type: "cancel" }));
    this.#watch = new MutationObserver(() => this.#readHost());
    if (this.#parts.host) {
      this.#watch.observe(this.#parts.host, { childList: true, subtree: true, attributeFilter: ["data-away"] });
      this.#readHost();
    }
    this.#draw();
  }

  stop() {
    this.#watch.disconnect();
    clearTimeout(this.#timer);
  }

  /** The worker has told what there is. */
  show(facts) {
    if (facts.answered) this.#opened = true;
    if (facts.following) this.#seen = facts.count;
    this.#facts = facts;
    this.changed();
  }

  /** Whether the first line is in sight, or the edge of what is complete: fetch what is before it, once. */
  atTop(there) {
    const { whole, full, answered, lines, filtered, loading } = this.#facts;
    if (!there) this.#asked = false;
    if (!there || this.#asked || whole || full || !answered || !lines || filtered || loading >= 0) return;
    this.#asked = true;
    this.#fetch(false);
  }

  changed() {
    if (!this.#timer) this.#timer = setTimeout(() => this.#draw(), this.#drawn + QUIET - performance.now());
  }

  #fetch(all) {
    this.#log.problem("");
    this.#post({ type: "older", all });
  }

  #follow() {
    this.#paused = false;
    this.#view.follow();
  }

  #togglePause() {
    this.#paused = !this.#paused;
    if (this.#paused) this.#view.leave();
    else this.#view.follow();
    this.changed();
  }

  /** What the page is told of the host; a stream that is quiet cannot know. */
  #readHost() {
    this.#away = Boolean(this.#parts.host.querySelector("[data-away]"));
    this.changed();
  }

  #word() {
    const { answered, over, cut, count, filtered } = this.#facts;
    if (over) return "ended";
    if (!answered && this.#opened) return "lost";
    if (cut || this.#away) return "away";
    if (!answered) return "opening";
    if (this.#paused) return "paused";
    if (!this.#view.following) return "scrolled";
    if (!count && filtered) return "nomatch"; // in what is fetched: the offer below says so
    if (!count) return "none";
    return "follow";
  }

  #draw() {
    this.#timer = 0;
    this.#drawn = performance.now();
    const { words } = this.#log;
    const { state, pause, host } = this.#parts;
    const word = this.#word();
    if (this.#view.following) this.#paused = false;
    say(state, words[word]);
    state.dataset.state = word;
    if (host) host.hidden = word !== "away";
    pause.setAttribute("aria-pressed", String(this.#paused));
    say(pause.querySelector("span"), words[this.#paused ? "resume" : "pause"]);
    pause.querySelector(".qi").className = `qi qi-player-${this.#paused ? "play" : "pause"}`;
    this.#drawNew();
    this.#drawFoot();
  }

  #drawNew() {
    const { words } = this.#log;
    const button = this.#parts.new;
    button.hidden = this.#view.following;
    const unseen = Math.max(0, this.#facts.count - this.#seen);
    const text = unseen === 1 ? words.one : words.new.replace("{n}", unseen.toLocaleString());
    say(button.querySelector("span"), unseen ? text : words.end);
  }

  #drawFoot() {
    const { words } = this.#log;
    const { lines, count, whole, full, loading, of, filtered } = this.#facts;
    const all = lines.toLocaleString();
    let text = filtered ? words.shown.replace("{n}", count.toLocaleString()).replace("{all}", all) : words.lines.replace("{n}", all);
    if (whole) text += ` · ${words.beginning}`;
    else if (full) text += ` · ${words.nomore}`;
    if (loading >= 0) text = `${this.#loading(loading, of)} ${text}`;
    say(this.#parts.count, text);
    for (const button of [this.#parts.older, this.#parts.all]) {
      button.hidden = whole;
      button.disabled = loading >= 0 || full || !this.#facts.answered;
    }
    this.#parts.cancel.hidden = loading < 0;
  }

  #loading(loading, of) {
    const { words } = this.#log;
    const text = of ? words.loadingof.replace("{name}", of.name).replace("{at}", of.at).replace("{all}", of.all) : words.loading;
    return text.replace("{n}", loading.toLocaleString());
  }
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
