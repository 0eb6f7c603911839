/** Upload a file with its progress, straight as it is; without this script the form does it. */
import { fill, word } from "./words.js";
import { rate, size } from "./units.js";
import { visit } from "./visit.js";

const JOB = "/0/"; // stands in a job's address for the number that the answer tells

/** Where to: the file's name, and the hosts that the form chooses. */
function address(form, file) {
  const query = new URLSearchParams({ name: file.name });
  for (const box of form.querySelectorAll("input[name=host]:checked")) query.append("hosts", box.value);
  return `${form.dataset.upload}?${query}`;
}

/** How far it is, how fast, how long it will take. */
function progress(form, began) {
  const bar = form.querySelector("progress");
  const said = form.querySelector("[data-upload-said]");
  return ({ loaded, total }) => {
    bar.value = total ? Math.round((100 * loaded) / total) : 0;
    if (!said) return;
    const speed = (1000 * loaded) / Math.max(1, performance.now() - began);
    const left = Math.ceil((total - loaded) / Math.max(1, speed));
    const values = { done: size(loaded), all: size(total), rate: rate(speed), left };
    said.textContent = fill(loaded < total ? "sending" : "sent", values);
    said.hidden = false;
  };
}

function send(form, file) {
  const bar = form.querySelector("progress");
  const problem = form.querySelector("[data-upload-problem]");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  const failed = (text) => {
    bar.hidden = true;
    form.querySelector("[data-upload-said]")?.setAttribute("hidden", "");
    button.removeAttribute("aria-busy");
    problem.textContent = text;
    problem.hidden = false;
  };
  request.open("PUT", address(form, file));
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.addEventListener("progress", progress(form, performance.now()));
  request.addEventListener("error", () => failed(word("no_answer")));
  request.addEventListener("load", () => {
    const { uploadJob } = form.dataset;
    const href = uploadJob ? () => uploadJob.replace(JOB, `/${JSON.parse(request.responseText).id}/`) : () => location.href;
    if (request.status < 300) return visit(href());
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
    return Object.values(said.fields || said.errors || {}).flat()[0] || said.detail || said.message || "";
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
