/**
 * Regular expressions in a worker of their own: one that takes for ever is ended with its worker, and neither the
 * page nor its log waits for it. Messages: `{ id, source, flags, texts, places }`; answers `{ id, mask, places }`. The
 * first of all is `{ loaded: true }`: from then on its time counts.
 */
const MOST = 50; // places marked in one line

self.onmessage = ({ data }) => {
  const { id, source, flags, texts, places } = data;
  const expression = new RegExp(source, flags);
  if (!places) {
    const mask = new Uint8Array(texts.length);
    for (let at = 0; at < texts.length; at += 1) mask[at] = expression.test(texts[at]) ? 1 : 0;
    self.postMessage({ id, mask }, [mask.buffer]);
    return;
  }
  const all = new RegExp(source, `${flags}g`);
  const found = texts.map((text) => {
    const own = [];
    for (const match of text.matchAll(all)) {
      if (match[0]) own.push([match.index, match.index + match[0].length]);
      if (own.length >= MOST) break;
    }
    return own;
  });
  self.postMessage({ id, places: found });
};

self.postMessage({ loaded: true });
