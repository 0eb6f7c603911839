/** What the bar and the foot of a log say: following, paused, ended, how many lines; and their buttons. */
const QUIET = 100; // ms between two looks at what changes often

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
  #watch;
  #asked = false; // older lines, by scrolling to the top

  constructor(log, view, post) {
    this.#log = log;
    this.#view = view;
    this.#post = post;
    const names = ["state", "pause", "new", "host", "count", "older", "all"];
    this.#parts = Object.fromEntries(names.map((name) => [name, log.find(name)]));
    this.#parts.pause.addEventListener("click", () => this.#togglePause());
    this.#parts.new.addEventListener("click", () => this.#follow());
    this.#parts.older.addEventListener("click", () => this.#fetch(false));
    this.#parts.all.addEventListener("click", () => this.#fetch(true));
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
    if (facts.loading < 0) this.#asked = false;
    this.#facts = facts;
    this.changed();
  }

  /** The first line is in sight: fetch what is before it. */
  atTop() {
    const { whole, answered, lines, filtered } = this.#facts;
    if (this.#asked || whole || !answered || !lines || filtered) return;
    this.#asked = true;
    this.#post({ type: "older", all: false });
  }

  changed() {
    if (!this.#timer) this.#timer = setTimeout(() => this.#draw(), QUIET);
  }

  #fetch(all) {
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
    if (!count) return filtered ? "nomatch" : "none";
    return "follow";
  }

  #draw() {
    this.#timer = 0;
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
    const { lines, count, whole, loading, filtered } = this.#facts;
    const all = lines.toLocaleString();
    let text = filtered ? words.shown.replace("{n}", count.toLocaleString()).replace("{all}", all) : words.lines.replace("{n}", all);
    if (whole) text += ` · ${words.beginning}`;
    if (loading >= 0) text = `${words.loading.replace("{n}", loading.toLocaleString())} ${text}`;
    say(this.#parts.count, text);
    for (const button of [this.#parts.older, this.#parts.all]) {
      button.hidden = whole || this.#log.sources.size > 1;
      button.disabled = loading >= 0 || !this.#facts.answered;
    }
  }
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
