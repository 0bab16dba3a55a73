// Reads the page again while something on it runs, or as often as the reader chose.

import { fetchParts, swap } from "./swapping.js";

const PACE = 2000;

const pages = [
  { mark: "#spans", part: "live", ids: ["facts", "tools", "spans", "detail"] },
  { mark: "#results", part: "rows", ids: ["results"] },
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

export function setUpLive() {
  const page = pages.find(({ mark }) => document.querySelector(mark));
  if (!page) return;
  let timer = 0;
  let isLost = false;

  async function read() {
    const address = location.href;
    try {
      const parsed = await fetchParts(address, page.part);
      if (address === location.href && !document.hidden) swap(inPlace(parsed), page.ids, true);
      isLost = false;
    } catch {
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
