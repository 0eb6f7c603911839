/** The worker of the next log, without a page yet: ready, connected, or reading already. */
const PATIENCE = 10_000; // ms that a log which was begun waits for its page
let spare = null; // { address, worker, args: what it reads already, told: what it said }
let wrapped = null; // how the last page's lines were: the next one's are likely to be as wide

/** Have a worker ready for the next log: to load its modules takes as long as the way to the engine. */
export function warm(address) {
  if (spare?.address === address) return;
  spare?.worker.terminate();
  spare = made(address);
}

/** Somebody may be on the way to a log: connect. */
export function near(address) {
  warm(address);
  if (spare.connected) return;
  spare.connected = true;
  spare.worker.postMessage(startOf(""));
}

/** Nobody went there: a worker may wait, a connection may not. */
export function far() {
  if (spare?.connected && !spare.args) discard();
}

/** Somebody is on the way to a log: begin to read it while its page is fetched. */
export function begin(address, args) {
  warm(address);
  const begun = spare;
  if (begun.args) return;
  begun.connected = true; // what it reads is not taken back when the link gets the focus next
  begun.args = args;
  begun.worker.onmessage = ({ data }) => {
    if (data.type === "rows") begun.told = begun.told.filter(({ type }) => type !== "rows"); // the newest is enough
    begun.told.push(data);
  };
  begun.worker.postMessage(startOf(args));
  if (wrapped) begun.worker.postMessage(wrapped);
  setTimeout(() => spare === begun && discard(), PATIENCE);
}

/** Return the message that has a worker connect, and read what `args` say. */
export function startOf(args) {
  const path = document.body.dataset.live || "/ws/live/";
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
  return { type: "start", address, args };
}

/** Return the spare worker where it fits, or a new one. */
export function taken(address, args) {
  const wanted = new URL(address, location.href).href;
  if (spare && (spare.address !== wanted || (spare.args && spare.args !== args))) discard();
  const found = spare || made(wanted);
  spare = null;
  return found;
}

/** Return a new worker. One that does not load is of no use to the next log. */
export function made(address) {
  const one = { address, worker: new Worker(address, { type: "module" }), connected: false, args: "", told: [] };
  one.worker.onerror = () => spare === one && discard();
  return one;
}

/** Lines are as wide as this message says. */
export function willWrap(message) {
  wrapped = message;
}

function discard() {
  spare.worker.terminate();
  spare = null;
}
