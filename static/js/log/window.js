/** The rows that the page shows now: told at once when it scrolls, and as often as it can draw while lines come. */
import { fieldsOf, levelOf } from "./fields.js";
import { MARK } from "./lines.js";
import { CUT } from "./rows.js";
import { plain } from "./text.js";

export class Window {
  following = true;
  #store;
  #rows;
  #post;
  #facts; // () => what else the page is told
  #places; // (texts) => where in them is what is searched for
  #from = 0;
  #units = 60;
  #sight = { top: 0, page: 0 }; // units that are really in sight
  #busy = false; // the page has not drawn yet what it was told
  #late = false;
  #awaited = true; // the page is on its way yet: it takes the newest that was told
  #fields = false;
  #token = 0;

  constructor({ store, rows, post }, facts, places) {
    this.#store = store;
    this.#rows = rows;
    this.#post = post;
    this.#facts = facts;
    this.#places = places;
  }

  /** The page shows `units` from `from` on; `following`: the last ones, whatever they are. */
  show({ from, units, following, fields }) {
    this.#from = from;
    this.#units = units;
    this.following = following;
    this.#awaited = false;
    this.#fields = Boolean(fields);
    this.#tell();
  }

  /** So much is in sight: a bit less than what is shown. */
  see({ top, page }) {
    this.#sight = { top, page };
  }

  /**
   * Return what stays where it is when lines are put in: the first row that is shown, or what is below the `edge` (a line's
   * number) when that is in sight: its line, and how far below its top the view begins.
   */
  anchor(edge) {
    if (!this.#rows.count) return { line: 0, within: 0 };
    let row = this.#rows.at(this.#from);
    if (edge >= 0) {
      const below = this.#rows.row(edge) + 1;
      const { top, page } = this.#sight;
      const unit = this.#rows.top(below);
      if (below < this.#rows.count && unit > top && unit < top + page) row = below;
    }
    return { line: this.#rows.line(row), within: this.#from - this.#rows.top(row) };
  }

  /** The numbers of lines have changed: stay where the anchor was. */
  moved({ line, within }, moved) {
    if (this.following) return;
    let now = moved(line);
    for (let next = line + 1; now < 0 && next < line + 3; next += 1) now = moved(next); // it was a mark that went
    const from = this.#rows.top(this.#rows.row(Math.max(0, now))) + within;
    this.#post({ type: "shift", units: from - this.#from });
    this.#sight.top += from - this.#from;
    this.#from = from;
  }

  /** There is something new. */
  changed() {
    if (this.#busy) this.#late = true;
    else this.#tell();
  }

  /** The page has drawn. */
  drawn() {
    this.#busy = false;
    if (!this.#late) return;
    this.#late = false;
    this.#tell();
  }

  async #tell() {
    this.#busy = !this.#awaited;
    const token = (this.#token += 1);
    const units = this.#rows.units;
    const from = this.following ? Math.max(0, units - this.#units) : Math.min(this.#from, Math.max(0, units - 1));
    const rows = this.#list(from, Math.min(units, from + this.#units));
    const found = await this.#places(rows.map((row) => row.plain));
    if (token !== this.#token) return;
    if (found) rows.forEach((row, n) => { if (found[n].length) row.hits = found[n]; });
    this.#post({ type: "rows", rows, units, count: this.#rows.count, following: this.following, ...this.#facts() });
  }

  #list(from, to) {
    const rows = [];
    if (!this.#rows.count) return rows;
    let row = this.#rows.at(from);
    for (; row < this.#rows.count && this.#rows.top(row) < to; row += 1) rows.push(this.#row(row));
    return rows;
  }

  #row(row) {
    const number = this.#rows.line(row);
    const [lines, at] = this.#store.locate(number);
    const top = this.#rows.top(row);
    const common = { number, top, high: this.#rows.top(row + 1) - top, time: lines.time[at], source: lines.source(at) };
    if (lines.stream(at) === MARK) return { ...common, ...this.#store.said(lines, at), stream: MARK, plain: "" };
    const text = this.#store.text(lines, at);
    const bare = plain(text.length > CUT * 2 ? text.slice(0, CUT * 2) : text);
    const row_ = { ...common, stream: lines.stream(at), level: levelOf(bare), plain: bare.slice(0, CUT) };
    if (bare.length !== text.length && text.length <= CUT) row_.text = text; // with colours
    if (text.length > CUT) row_.whole = text.length;
    if (this.#fields) row_.fields = fieldsOf(bare);
    return row_;
  }
}
