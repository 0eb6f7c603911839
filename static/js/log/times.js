/** Times of lines, as somebody wants to read them: local, UTC, as an age, or not at all. */
const two = (number) => String(number).padStart(2, "0");
const three = (number) => String(number).padStart(3, "0");
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** Return a time (ms) as a clock; with its day when that is not today. */
export function clock(ms, utc) {
  const at = new Date(ms);
  const now = new Date();
  const day = utc
    ? [at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCFullYear()]
    : [at.getMonth() + 1, at.getDate(), at.getFullYear()];
  const today = utc
    ? [now.getUTCMonth() + 1, now.getUTCDate(), now.getUTCFullYear()]
    : [now.getMonth() + 1, now.getDate(), now.getFullYear()];
  const time = utc
    ? [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getHours(), at.getMinutes(), at.getSeconds()];
  const words = `${time.map(two).join(":")}.${three(Math.floor(((ms % 1000) + 1000) % 1000))}`;
  if (day.join() === today.join()) return words;
  return `${day[2] === today[2] ? "" : `${day[2]}-`}${two(day[0])}-${two(day[1])} ${words}`;
}

/** Return from when on times have no day, and no year, before them; nothing where ages or no times are shown. */
export function dayless(choice) {
  if (choice === "age" || choice === "off") return { day: 0, year: 0 };
  const now = new Date();
  if (choice === "utc") {
    const year = Date.UTC(now.getUTCFullYear(), 0);
    return { day: Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()), year };
  }
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  return { day, year: new Date(now.getFullYear(), 0).getTime() };
}

/** Return how long ago a time (ms) was, in the largest unit that fits. */
export function age(ms) {
  const seconds = Math.max(0, (Date.now() - ms) / 1000);
  for (const [name, size] of UNITS) if (seconds >= size) return `−${Math.floor(seconds / size)} ${name}`;
  return "−0 s";
}

/** Return a time (ms) with everything that is known of it. */
export function exact(ms) {
  const micros = String(Math.round((ms - Math.floor(ms / 1000) * 1000) * 1000)).padStart(6, "0");
  return `${new Date(ms).toISOString().slice(0, 19)}.${micros}Z`;
}

/** Return a time by the reader's choice: "local", "utc", "age", "off". */
export function timeText(ms, choice) {
  if (choice === "age") return age(ms);
  return choice === "off" ? "" : clock(ms, choice === "utc");
}

const TIME = /^(?:(\d{4})-(\d{1,2})-(\d{1,2})[ T])?(\d{1,2}):(\d{2})(?::(\d{2}))?$/;

/** Return what somebody wrote as a time in ms: `14:05` is the latest one that has been; null for nonsense. */
export function momentOf(text, utc) {
  const found = TIME.exec(text.trim());
  if (!found) return null;
  const [year, month, day, hours, minutes, seconds] = found.slice(1).map((part) => Number(part || 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const now = new Date();
  const date = year ? [year, month - 1, day] : utc ? [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()] : [now.getFullYear(), now.getMonth(), now.getDate()];
  const at = utc ? Date.UTC(...date, hours, minutes, seconds) : new Date(...date, hours, minutes, seconds).getTime();
  return !year && at > now.getTime() ? at - 86_400_000 : at;
}
