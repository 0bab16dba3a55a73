// Everything here makes a complete page quicker or live; nothing works only with it.

import { showCopyButtons } from "./copying.js";
import { setUpColumns } from "./columns.js";
import { setUpFinding } from "./finding.js";
import { setUpFolding } from "./folding.js";
import { setUpKeys } from "./keys.js";
import { setUpLive } from "./live.js";
import { setUpPlots, showDragHints } from "./plots.js";
import { setUpPreferences } from "./preferences.js";
import { setUpSelection } from "./selection.js";
import { titleTimes } from "./times.js";
import { setUpZooming } from "./zooming.js";

function decorate(root) {
  showCopyButtons(root);
  titleTimes(root);
  showDragHints(root);
}

decorate(document);
document.addEventListener("swapped", (event) => decorate(event.target));
setUpFolding();
setUpKeys();
setUpFinding();
setUpZooming(); // before selection, which follows the same links
setUpSelection();
setUpLive();
setUpPreferences();
setUpPlots();
setUpColumns();
