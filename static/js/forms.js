/**
 * Forms: one click is one post; `data-action` posts without leaving the page.
 *
 * An action answers 202 with `{"job": {"href", "message"}}`, shown as a toast that follows the job;
 * anything else is told as it is. Without this script the same forms work by themselves.
 */
import { ask, openFormDialog, questionOf } from "./dialog.js";
import { postForm, reportFailure } from "./post.js";
import { toast } from "./toast.js";
import { leaving, visit } from "./visit.js";

async function act(form, button) {
  if (button?.getAttribute("aria-busy") === "true") return; // a double click is one click
  busy(button, true);
  const left = leaving();
  const answer = await postForm(form, button, { Accept: "application/json" });
  busy(button, false);
  if (!answer?.ok) return (await tellBeside(form, answer)) || reportFailure(answer);
  const said = await answer.json().catch(() => null);
  if (!said) return left() || location.assign(answer.url);
  form.closest("dialog")?.close("done");
  form.dispatchEvent(new CustomEvent("action:done", { bubbles: true, detail: said }));
  if (said.job) toast({ level: "busy", ...said.job });
  else if (said.message) toast({ level: "success", message: said.message });
  if (said.location && !left()) visit(said.location);
}

/** What is wrong with a form that has a place for it is told there, where the person looks. */
async function tellBeside(form, answer) {
  const place = form.querySelector("[data-problem]");
  if (!place || answer?.status !== 422) return false;
  const said = await answer.clone().json().catch(() => ({}));
  place.textContent = said.message || "";
  place.hidden = !said.message;
  form.querySelector("input:not([type=hidden])")?.focus();
  return Boolean(said.message);
}

function busy(button, on) {
  if (on) button?.setAttribute("aria-busy", "true");
  else button?.removeAttribute("aria-busy");
}

/** Once: a second click on the same button waits for the answer to the first. */
function guard(form, event) {
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  busy(event.submitter, true);
  const free = () => {
    delete form.dataset.sent;
    busy(event.submitter, false);
  };
  // Coming back by history brings the page as it was left; who stops it is still there.
  addEventListener("pageshow", free, { once: true });
  window.navigation?.addEventListener("navigateerror", free, { once: true });
}

async function submitted(event) {
  const form = event.target;
  const button = event.submitter;
  if (form.method === "dialog" || event.defaultPrevented) return;
  if (button?.dataset.confirm && !button.dataset.confirmed) {
    event.preventDefault();
    if (await ask(questionOf(button))) again(form, button);
    return;
  }
  if (form.method !== "post") return;
  if (button?.hasAttribute("data-dialog")) {
    event.preventDefault();
    return openFormDialog(form, button);
  }
  if (form.hasAttribute("data-action")) {
    event.preventDefault();
    return act(form, button);
  }
  if (!form.hasAttribute("hx-post")) guard(form, event);
}

function again(form, button) {
  button.dataset.confirmed = "1";
  form.requestSubmit(button.isConnected ? button : undefined);
  delete button.dataset.confirmed;
}

/** Begin: also move the focus to a summary of errors. */
export function startForms() {
  document.addEventListener("submit", submitted);
  document.querySelector("[data-focus]")?.focus();
}
