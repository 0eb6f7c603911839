/** What the pages without the frame run: sign-in, first set-up, errors. */
import { startForms } from "./forms.js";

startForms();
// Where a page with the frame gave way to this one, the browser takes the way back for one within it.
addEventListener("popstate", () => location.reload());
