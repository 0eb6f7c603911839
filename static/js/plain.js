/** What the pages without the frame run: sign-in, first set-up, errors. */
import { startForms } from "./forms.js";

startForms();
