// Reads the page again while something on it runs, or as often as the reader chose.

import { fetchParts, refusal, swap } from "./swapping.js";

const PACE = 2000;

const pages = [
  { mark: "#spans", part: "live", ids: ["facts", "tools", "spans", "detail"] },
  { mark: "#results", part: "rows", ids: ["results"] },
  { mark: "#main", part: "", ids: ["main"] },
];

// Milliseconds until the page is read again; 0: not by itself.
function wait() {
  const chosen = document.body.dataset.refresh;
  if (chosen === "off") return 0;
  if (chosen) return Number(chosen) * 1000;
  return document.querySelector("[data-live]") ? PACE : 0;
}

function connected(isConnected) {
  const note = document.getElementById("connection");
  if (note) note.hidden = isConnected;
}

// The address of what the page shows as data, or of what changed in it since it was read.
function dataAddress() {
  const since = document.querySelector("[data-changes]")?.dataset.changes;
  return since ?? document.querySelector('link[rel="alternate"][type="application/json"]')?.href;
}

function isChanged(field) {
  if (field === document.activeElement) return true;
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.value !== field.defaultValue;
  const first = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
  return field.selectedOptions[0] !== first;
}

// What the reader has filled in and not yet sent would be lost with the part around it.
function isFilledIn(id) {
  const fields = document.getElementById(id)?.querySelectorAll("input:not([type=hidden]), select, textarea");
  return [...fields ?? []].some(isChanged);
}

export function setUpLive() {
  const page = pages.find(({ mark }) => document.querySelector(mark));
  if (!page || !dataAddress()) return;
  const tags = new Map(); // address of data -> the ETag of what it last was
  let timer = 0;
  let isLost = false;

  // Whether the page may look different now. What runs grows with time alone.
  async function isNews() {
    if (document.querySelector("[data-live]")) return true;
    const address = dataAddress();
    const known = tags.get(address);
    const answer = await fetch(address, { headers: known ? { "If-None-Match": known } : {}, cache: "no-store" });
    if (answer.status === 304) return false;
    await answer.body?.cancel();
    if (!answer.ok) throw refusal(answer);
    tags.set(address, answer.headers.get("ETag"));
    return true;
  }

  async function readNews() {
    const address = location.href;
    const parsed = await fetchParts(address, page.part);
    if (address !== location.href || document.hidden) return;
    swap(inPlace(parsed), page.ids.filter((id) => !isFilledIn(id)), true);
  }

  async function read() {
    try {
      if (await isNews()) await readNews();
      isLost = false;
    } catch (error) {
      // It is there and refuses: the page that says why is what the reader should see.
      if (error.status >= 400 && error.status < 500) return location.reload();
      isLost = true;
    }
    connected(!isLost);
    plan();
  }

  // The rows alone are sent without the element around them.
  function inPlace(parsed) {
    if (page.part !== "rows") return parsed;
    const results = parsed.createElement("div");
    results.id = "results";
    results.append(...parsed.body.childNodes);
    if (results.querySelector("[data-running]")) results.dataset.live = "";
    parsed.body.append(results);
    return parsed;
  }

  function plan() {
    clearTimeout(timer);
    const pace = isLost ? PACE : wait();
    if (pace && !document.hidden) timer = setTimeout(read, pace);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (document.body.dataset.refresh !== "off" || isLost) read();
  });
  document.addEventListener("refresh-changed", () => (wait() ? read() : plan()));
  plan();
}
