/**
 * Dialogs: a question before something destructive, and forms that the server sends.
 *
 * `data-confirm="Remove web-1?"` on a submit button asks first; `data-confirm-text`,
 * `data-confirm-list` (one a line), `data-confirm-type` (what must be typed) and
 * `data-confirm-verb` say more; `data-confirm-calm` is for what destroys nothing. `data-dialog` on
 * a submit button or link shows the server's answer (an HTML fragment with header, .dialog-body and
 * footer) in a dialog instead of leaving the page.
 */
import { postForm, reportFailure } from "./post.js";
import { leaving } from "./visit.js";
import { fill } from "./words.js";

/** Ask. Resolves to true only when the person said yes. */
export function ask({ title, text = "", list = [], type = "", verb = "", calm = false }) {
  const dialog = document.getElementById("confirm");
  const part = (name) => dialog.querySelector(`[data-confirm-${name}]`);
  part("title").textContent = title;
  part("text").textContent = text;
  part("text").hidden = !text;
  part("list").replaceChildren(...list.map(listItem));
  part("list").hidden = !list.length;
  part("typing").hidden = !type;
  part("label").textContent = fill("type_this", { text: type });
  if (verb) part("yes").textContent = verb;
  part("yes").classList.toggle("btn-danger", !calm);
  part("yes").classList.toggle("btn-primary", calm);
  const field = dialog.querySelector("#confirm-typed");
  field.value = "";
  const check = () => (part("yes").disabled = Boolean(type) && field.value !== type);
  field.oninput = check;
  check();
  dialog.returnValue = "";
  dialog.showModal();
  // The safe answer has the focus: Enter by habit must not destroy anything.
  (type ? field : dialog.querySelector("[value=cancel]")).focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

function listItem(text) {
  const item = document.createElement("li");
  const [name, note] = text.split("\t");
  for (const words of note ? [name, note] : [name]) {
    const span = document.createElement("span");
    span.textContent = words;
    item.append(span);
  }
  return item;
}

/** What a button's data attributes ask. */
export function questionOf(button) {
  const { confirm, confirmText, confirmList, confirmType, confirmVerb } = button.dataset;
  return {
    title: confirm,
    text: confirmText,
    list: (confirmList || "").split("\n").filter(Boolean),
    type: confirmType,
    verb: confirmVerb || button.textContent.trim(),
    calm: "confirmCalm" in button.dataset,
  };
}

/** Show a fragment of ours in the dialog. */
export function showFragment(html) {
  const dialog = document.getElementById("dialog");
  dialog.innerHTML = html; // from our own server, its data escaped there; the policy runs nothing in it
  dialog.querySelector("h2")?.setAttribute("id", "dialog-title");
  checkTyped(dialog);
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("[autofocus],[data-type-to-confirm]") || dialog.querySelector("button"))?.focus();
}

function checkTyped(root) {
  for (const field of root.querySelectorAll("[data-type-to-confirm]")) {
    const button = field.form?.querySelector("button:not([type=button],[value=cancel],[formmethod=dialog])");
    if (button) button.disabled = field.value.trim() !== field.dataset.typeToConfirm;
  }
}

/** Fetch a dialog for a button of a form. */
export async function openFormDialog(form, button) {
  const left = leaving();
  const answer = await postForm(form, button, { "HX-Request": "true", Accept: "text/html" });
  if (left()) return;
  if (answer?.ok) showFragment(await answer.text());
  else await reportFailure(answer);
}

async function openLinkDialog(link) {
  const left = leaving();
  const answer = await fetch(link.href, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (left()) return;
  if (answer?.ok && !answer.redirected) showFragment(await answer.text());
  else location.assign(link.href);
}

/** Begin. */
export function startDialogs() {
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-type-to-confirm]")) checkTyped(event.target.form);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openLinkDialog(link);
    }
    if (event.target.matches("dialog.dialog")) event.target.close("cancel"); // a click beside it
    if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog").close("cancel");
  });
}
