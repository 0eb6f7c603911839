/** How the numbers of lines change when others are put in or go: functions from an old number to the new one, -1: it went. */

/** Lines were put in before these old numbers, which rise. */
export function inserted(places) {
  const lines = places.length;
  return (number) => {
    let [low, high] = [0, lines];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (places[middle] <= number) low = middle + 1;
      else high = middle;
    }
    return number + low;
  };
}

/** Line `gone` went. */
export const removed = (gone) => (number) => (number === gone ? -1 : number - (number > gone ? 1 : 0));

/** These lines went; their numbers rise. */
export function allRemoved(numbers) {
  const before = inserted(Float64Array.from(numbers));
  return (number) => {
    const gone = before(number) - number; // of those up to it
    return gone && numbers[gone - 1] === number ? -1 : number - gone;
  };
}

/** The first `gone` lines went. */
export const trimmed = (gone) => (number) => (number < gone ? -1 : number - gone);

/** One after the other. */
export const both = (first, second) => (number) => {
  const between = first(number);
  return between < 0 ? -1 : second(between);
};
