/** A click on an id copies the whole of it. */
import { word } from "./words.js";

/** Copy a text. */
export async function copyText(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  // Plain http on another machine: browsers give no clipboard there, but still this.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Begin. */
export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    await copyText(button.dataset.copy);
    const icon = button.querySelector(".qi");
    button.classList.add("copied");
    icon?.classList.replace("qi-copy", "qi-check");
    const title = button.title;
    button.title = word("copied");
    setTimeout(() => {
      button.classList.remove("copied");
      icon?.classList.replace("qi-check", "qi-copy");
      button.title = title;
    }, 1500);
  });
}
