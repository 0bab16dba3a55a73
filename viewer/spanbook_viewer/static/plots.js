// Dragging over columns of a chart looks closer at their time.

let plot = null; // in which a drag began
let first = null; // its first column
let dragged = false;

function columnsOf(chart) {
  return [...(chart.querySelector(".band") ?? chart).children];
}

function columnAt(x) {
  const all = columnsOf(plot);
  return all.find((column) => column.getBoundingClientRect().right > x) ?? all.at(-1);
}

function columnsTo(last) {
  const all = columnsOf(plot);
  const [start, end] = [all.indexOf(first), all.indexOf(last)].sort((a, b) => a - b);
  return all.slice(start, end + 1);
}

function closer(from, until) {
  const url = new URL(location.href);
  url.searchParams.set("since", from);
  url.searchParams.set("until", until);
  location.assign(url);
}

export function showDragHints(root) {
  for (const hint of root.querySelectorAll("[data-drag-hint]")) hint.hidden = false;
}

export function setUpPlots() {
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("[data-plot]")) event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => {
    dragged = false;
    plot = event.button ? null : event.target.closest("[data-plot]");
    first = plot && columnAt(event.clientX);
  });
  document.addEventListener("pointermove", (event) => {
    if (!plot?.isConnected) return;
    const last = columnAt(event.clientX);
    dragged ||= last !== first;
    for (const column of plot.querySelectorAll(".chosen")) column.classList.remove("chosen");
    if (dragged) columnsTo(last).forEach((column) => column.classList.add("chosen"));
  });
  document.addEventListener("click", (event) => {
    if (dragged && event.target.closest("[data-plot]")) event.preventDefault();
  });
  document.addEventListener("pointerup", (event) => {
    if (plot?.isConnected && dragged) {
      const chosen = columnsTo(columnAt(event.clientX));
      closer(chosen[0].dataset.since, chosen.at(-1).dataset.until);
    }
    plot = null;
  });
}
