/**
 * Lets xterm.js draw under a policy without inline styles.
 *
 * It makes three `<style>` elements when it is opened and, for colours of 24 bits, style attributes:
 * both count as inline and are blocked. So while it is opened, what would be a style element puts
 * its text into a constructed sheet of ours, which the policy allows; and a style attribute of a
 * span is set by its properties. xterm.js itself stays as it is. See docs/decisions/0009.
 */

const make = Document.prototype.createElement.bind(document);

/** Stands for a style element: its text is a sheet while it is in the page. */
function sheetElement() {
  const sheet = new CSSStyleSheet();
  const element = make("span");
  element.hidden = true;
  Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text) });
  const remove = element.remove.bind(element);
  element.remove = () => {
    remove();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  };
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return element;
}

/** Run something that makes style elements at once. */
export function withSheets(run) {
  document.createElement = (name, options) => (name === "style" ? sheetElement() : make(name, options));
  try {
    run();
  } finally {
    delete document.createElement;
  }
}

HTMLSpanElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
};
