/** Advice on a Dockerfile beside its editor: asked for when the typing rests, shown at its lines. */
const REST_MS = 600;
const SENT = 70_000; // letters: more than is looked at, so that the answer says so
const TONES = ["bad", "warn", "busy", "idle"]; // the worst first

/** Keep the panel right for the editor; returns what ends that. */
export function advise(editor, panel) {
  const list = panel.querySelector("[data-advice-list]");
  const problem = panel.querySelector("[data-advice-problem]");
  const said = panel.querySelector("[data-advice-said]"); // told only when it is another
  const token = panel.closest("form").querySelector("[name=csrfmiddlewaretoken]").value;
  let asking = new AbortController();
  let timer = 0;

  /** Null for who has typed on meanwhile: that answer is about another text. */
  async function ask() {
    asking.abort();
    const mine = (asking = new AbortController());
    const body = new URLSearchParams({ csrfmiddlewaretoken: token, dockerfile_text: editor.text.slice(0, SENT) });
    const answer = await fetch(panel.dataset.advice, { method: "POST", body, signal: mine.signal }).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => null) : null;
    if (!mine.signal.aborted) show(text);
  }

  function show(html) {
    problem.hidden = html !== null;
    panel.hidden = false;
    if (html === null) return;
    list.innerHTML = html;
    editor.mark(marks());
    const sum = list.querySelector(".advice-sum").textContent;
    if (said.textContent !== sum) said.textContent = sum;
  }

  /** One mark for each line: of the worst that is said of it. */
  function marks() {
    const lines = Map.groupBy(list.querySelectorAll("[data-line]"), (row) => Number(row.dataset.line));
    return [...lines].map(([line, rows]) => {
      const worst = rows.reduce((best, row) => (TONES.indexOf(row.dataset.tone) < TONES.indexOf(best.dataset.tone) ? row : best));
      const title = rows.map((row) => row.querySelector(".advice-text").textContent).join("\n");
      return { line, tone: worst.dataset.tone, icon: worst.dataset.icon, title, press: () => point(rows[0]) };
    });
  }

  function point(row) {
    row.scrollIntoView({ block: "nearest" });
    row.querySelector("button").focus();
  }

  function typed() {
    asking.abort();
    clearTimeout(timer);
    timer = setTimeout(ask, REST_MS);
  }

  editor.onInput(typed);
  list.addEventListener("click", (event) => {
    if (event.target.closest(".advice-go")) editor.goTo(Number(event.target.closest("[data-line]").dataset.line));
  });
  ask();
  return () => {
    clearTimeout(timer);
    asking.abort();
  };
}
