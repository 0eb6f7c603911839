/** Upload a file with its progress, straight as it is; without this script the form does it. */
import { fill, word } from "./words.js";
import { visit } from "./visit.js";

function send(form, file) {
  const bar = form.querySelector("progress");
  const problem = form.querySelector("[data-upload-problem]");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  const failed = (text) => {
    bar.hidden = true;
    button.removeAttribute("aria-busy");
    problem.textContent = text;
    problem.hidden = false;
  };
  request.open("PUT", `${form.dataset.upload}?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = total ? Math.round((100 * loaded) / total) : 0;
  });
  request.addEventListener("error", () => failed(word("no_answer")));
  request.addEventListener("load", () => {
    if (request.status < 300) return visit(location.href);
    failed(saidBy(request) || fill("refused", { status: request.status }));
  });
  problem.hidden = true;
  bar.hidden = false;
  bar.value = 0;
  button.setAttribute("aria-busy", "true");
  request.send(file);
  return request;
}

function saidBy(request) {
  try {
    const said = JSON.parse(request.responseText);
    return Object.values(said.fields || {}).flat()[0] || said.detail || said.message || "";
  } catch {
    return "";
  }
}

/** The page is there; returns what ends it. */
export function startPage() {
  let request = null;
  const submitted = (event) => {
    const form = event.target.closest("form[data-upload]");
    const file = form?.elements.archive.files[0];
    if (!file) return;
    event.preventDefault();
    if (form.querySelector("button").getAttribute("aria-busy") !== "true") request = send(form, file);
  };
  document.addEventListener("submit", submitted, true);
  return () => {
    document.removeEventListener("submit", submitted, true);
    request?.abort();
  };
}
