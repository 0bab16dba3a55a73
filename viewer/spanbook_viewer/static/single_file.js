// The page that is a file: all details are in it, and the part after # in its address chooses one.

import { setUpFolding } from "./folding.js";
import { setUpKeys } from "./keys.js";
import { titleTimes } from "./times.js";
import { setUpZooming } from "./zooming.js";

// Of very many details, the file holds what to make them of: one at a time is in the page.
function unpack() {
  const pane = document.querySelector(".details[data-one]");
  if (!pane) return;
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted && pane.querySelector(`[id="${CSS.escape(wanted)}"]`)) return;
  const span = wanted.replace(/^span-/, "").slice(0, 16);
  const source = pane.querySelector(`script[data-span="${CSS.escape(span)}"]`) ?? pane.querySelector("script");
  if (!source) return;
  pane.querySelector(".detail")?.remove();
  pane.prepend(document.createRange().createContextualFragment(source.textContent));
  titleTimes(pane);
}

function mark() {
  unpack();
  const chosen = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest(".detail")
    ?? document.querySelector(".details > .detail");
  for (const link of document.querySelectorAll("#spans [aria-current]")) link.removeAttribute("aria-current");
  if (!chosen) return;
  const link = document.querySelector(`#spans a[href="#${CSS.escape(chosen.id)}"]`);
  link?.setAttribute("aria-current", "true");
  link?.scrollIntoView({ block: "nearest" });
}

// A link to a detail must not scroll the tree away, where both are side by side.
function follow(event) {
  const link = event.target.closest('#spans a[href^="#"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { scrollX, scrollY } = window;
  requestAnimationFrame(() => { if (innerWidth >= 900) scrollTo(scrollX, scrollY); });
}

document.getElementById("tools").hidden = false;
titleTimes(document);
setUpFolding();
setUpKeys();
setUpZooming();
document.addEventListener("click", follow);
addEventListener("hashchange", mark);
mark();
