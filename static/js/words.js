/** The translated words of scripts: the page carries them as data. */
let words = null;

/** Return the words for a key. */
export function word(key) {
  words ??= JSON.parse(document.getElementById("words")?.textContent || "{}");
  return words[key] ?? key;
}

/** Return the words for a key with `{names}` filled in. */
export function fill(key, values) {
  return word(key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Write a cookie that the server reads to draw the page right at once. */
export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
