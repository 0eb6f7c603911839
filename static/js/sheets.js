/** The style sheets of a page that is put in place, in the order in which the page names them. */

function sheetsOf(page) {
  return [...page.head.querySelectorAll("link[rel=stylesheet]")];
}

/** Load what a page needs more, each in its place among the others; none counts before `useSheets`. Rejects when one fails. */
export async function addSheets(page) {
  const here = new Map(sheetsOf(document).map((sheet) => [sheet.href, sheet]));
  const loads = [];
  let next = null;
  for (const { href } of sheetsOf(page).reverse()) {
    if (!here.has(href)) loads.push(addSheet(href, next));
    next = here.get(href) || sheetsOf(document).find((sheet) => sheet.href === href);
  }
  await Promise.all(loads);
}

function addSheet(href, next) {
  const sheet = document.createElement("link");
  Object.assign(sheet, { rel: "stylesheet", media: "not all", href });
  return new Promise((done, fail) => {
    sheet.onload = done;
    sheet.onerror = () => {
      sheet.remove(); // or it would count as there
      fail(new Error(href));
    };
    document.head.insertBefore(sheet, next);
  });
}

/** Style by what a page names, and by nothing else. */
export function useSheets(page) {
  const wanted = new Map(sheetsOf(page).map((sheet) => [sheet.href, sheet.media]));
  for (const sheet of sheetsOf(document)) {
    if (!wanted.has(sheet.href)) sheet.remove();
    else if (sheet.media !== wanted.get(sheet.href)) sheet.media = wanted.get(sheet.href);
  }
}
