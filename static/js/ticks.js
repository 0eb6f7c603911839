/** Where the marks of a time axis stand: at round times of the reader's own zone, also where its clock is changed. */

const DAY = 86400;

/** A moment as its zone's clocks show it: seconds, as if that were UTC. */
function clocks(zone) {
  const numbers = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
  const format = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", { timeZone: zone, hourCycle: "h23", ...numbers });
  return (at) => {
    const part = Object.fromEntries(format.formatToParts(new Date(at * 1000)).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) / 1000;
  };
}

/** The first moment at which clocks show a time; where they jump over it, that after the jump. */
function moment(shown, clock) {
  const each = [shown - DAY, shown + DAY].map((near) => shown - (clock(near) - near));
  const right = each.filter((at) => clock(at) === shown);
  return right.length ? Math.min(...right) : Math.max(...each);
}

/** Returns what tells the marks between two moments, so many seconds apart: what uPlot calls splits. */
export function ticks(zone) {
  const clock = clocks(zone);
  return (_chart, _axis, from, to, apart) => {
    const found = [];
    const begin = Math.floor(clock(from) / apart) * apart;
    for (let shown = begin, at = moment(shown, clock); at <= to; shown += apart, at = moment(shown, clock)) {
      if (at >= from && !(at <= found.at(-1))) found.push(at);
    }
    return found;
  };
}
