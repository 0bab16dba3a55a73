// Follows links within a trace page without loading the whole page again.

import { fetchParts, swap } from "./swapping.js";
import { zoomed } from "./zooming.js";

const WHOLE = ["facts", "tools", "spans", "detail"];

// A link in a drawing has its address in another place than one in a page.
function addressOf(link) {
  return new URL(link.getAttribute("href"), document.baseURI).href;
}

function mark(span) {
  const links = [...document.querySelectorAll('#spans a[data-swap="detail"]')];
  for (const link of links) link.removeAttribute("aria-current");
  const own = links.filter((link) => new URL(addressOf(link)).searchParams.get("span") === span);
  for (const link of own) link.setAttribute("aria-current", "true");
  if (!own.some((link) => link === document.activeElement)) own[0]?.scrollIntoView({ block: "nearest" });
  return own.length > 0;
}

let wanted = 0; // number of the last click

async function go(address, isDetail) {
  const turn = ++wanted;
  const span = new URL(address).searchParams.get("span");
  const inTree = isDetail && span !== null && mark(span);
  const parsed = await fetchParts(address, inTree ? "detail" : "live");
  if (turn !== wanted) return; // a later click was quicker
  swap(parsed, inTree ? ["tools", "detail"] : WHOLE, false);
  if (!inTree && span) mark(span);
}

function visit(address, isDetail) {
  go(address, isDetail).then(
    () => history.pushState(null, "", address),
    () => { location.href = address; },
  );
}

export function setUpSelection() {
  if (!document.getElementById("spans")) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    event.preventDefault();
    visit(zoomed(addressOf(link)), link.dataset.swap === "detail" || link.dataset.key === "e");
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-swap-form]");
    if (!form) return;
    event.preventDefault();
    const address = new URL(location.href);
    address.search = new URLSearchParams(new FormData(form));
    form.querySelector("[type=search]").blur(); // so that n and N are keys again
    visit(zoomed(address.href), false);
  });
  addEventListener("popstate", () => go(location.href, false).catch(() => location.reload()));
}
