/** Everything that a page with the frame runs. */
import { startAgo } from "./ago.js";
import { startConnection } from "./connection.js";
import { startCopy } from "./copy.js";
import { startDialogs } from "./dialog.js";
import { startForms } from "./forms.js";
import { startKeys } from "./keys.js";
import { live } from "./live.js";
import { startMenus } from "./menu.js";
import { startNavigation } from "./navigation.js";
import { startRowActs } from "./rowacts.js";
import { startTables } from "./table.js";
import { startTheme } from "./theme.js";
import { startToasts } from "./toast.js";
import { startTray } from "./tray.js";

startAgo();
startTheme();
startNavigation();
startConnection();
startToasts();
startCopy();
startMenus();
startDialogs();
startForms();
startTables();
startRowActs();
startTray();
startKeys();
if (document.body.dataset.live) live.start();

// After the first frame: what was not in sight may be laid out now (containers.css).
requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset.drawn = "")));
