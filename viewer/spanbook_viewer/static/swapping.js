// Replaces parts of the page by newer ones with the same id, keeping what the reader has open.

const last = new Map(); // id of a part -> what the server last sent for it

function keyOf(element) {
  return element.id ? `#${CSS.escape(element.id)}` : null;
}

function focusedPath(part) {
  const element = document.activeElement;
  if (!part.contains(element)) return null;
  const row = element.closest("[data-span]");
  if (row) {
    const kind = element.matches(".fold") ? ".fold" : "a";
    return `[data-span="${CSS.escape(row.dataset.span)}"] > .row ${kind}`;
  }
  const address = element.getAttribute("href");
  return keyOf(element) ?? (address ? `a[href="${CSS.escape(address)}"]` : null);
}

function openDetails(part) {
  return [...part.querySelectorAll("details")].map((details) => details.open);
}

function reopen(part, states) {
  const all = [...part.querySelectorAll("details")];
  if (all.length === states.length) all.forEach((details, i) => { details.open = states[i]; });
}

function replace(old, part, keepDetails) {
  const html = part.outerHTML;
  if (last.get(old.id) === html) return;
  last.set(old.id, html);
  const focus = focusedPath(old);
  const states = keepDetails ? openDetails(old) : null;
  const scroll = old.scrollTop;
  old.replaceWith(part);
  if (states) {
    reopen(part, states);
    part.scrollTop = scroll;
  }
  if (focus) part.querySelector(focus)?.focus({ preventScroll: true });
  part.dispatchEvent(new Event("swapped", { bubbles: true }));
}

export function refusal(answer) {
  return Object.assign(new Error(`The viewer answered ${answer.status}.`), { status: answer.status });
}

// Without `part` the whole page comes.
export async function fetchParts(address, part) {
  const url = new URL(address, document.baseURI);
  if (part) url.searchParams.set("part", part);
  url.hash = "";
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw refusal(answer);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// `keep`: the same things in a newer state, so what is unfolded and scrolled stays so.
export function swap(parsed, ids, keep) {
  for (const id of ids) {
    const old = document.getElementById(id);
    const part = parsed.getElementById(id);
    if (old && part) replace(old, part, keep);
  }
}
