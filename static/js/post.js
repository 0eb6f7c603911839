/** Send a form's data as its button would, and tell in words what went wrong. */
import { toast } from "./toast.js";
import { fill, word } from "./words.js";

/** The form's data as the browser would send it, with the button that was pressed. */
export function dataOf(form, button) {
  const data = new FormData(form, button?.form === form ? button : undefined);
  const files = [...data.values()].some((value) => value instanceof File);
  return files ? data : new URLSearchParams(data);
}

/** Post; null when nobody answered. */
export async function postForm(form, button, headers = {}) {
  const address = button?.getAttribute("formaction") || form.getAttribute("action") || location.href;
  const options = { method: "POST", body: dataOf(form, button), headers, credentials: "same-origin" };
  try {
    return await fetch(address, options);
  } catch {
    return null;
  }
}

/** Say in a toast why nothing happened. */
export async function reportFailure(answer) {
  if (!answer) return toast({ level: "error", message: word("no_answer") });
  if (answer.status === 401) return toast({ level: "error", message: word("sign_in") });
  const said = await answer.json().catch(() => ({}));
  toast({ level: "error", message: said.message || fill("refused", { status: answer.status }) });
}
