// Dragging over columns of a chart looks closer at their time.

function columnAt(plot, x) {
  const row = plot.querySelector(".band") ?? plot;
  return [...row.children].find((column) => column.getBoundingClientRect().right > x) ?? row.lastElementChild;
}

function closer(from, until) {
  const url = new URL(location.href);
  url.searchParams.set("since", from);
  url.searchParams.set("until", until);
  location.assign(url);
}

function setUp(plot) {
  let first = null;
  let dragged = false;
  const columns = (last) => {
    const all = [...(plot.querySelector(".band") ?? plot).children];
    const ends = [all.indexOf(first), all.indexOf(last)].sort((a, b) => a - b);
    return all.slice(ends[0], ends[1] + 1);
  };
  plot.addEventListener("dragstart", (event) => event.preventDefault());
  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    first = columnAt(plot, event.clientX);
    dragged = false;
  });
  plot.addEventListener("pointermove", (event) => {
    if (!first) return;
    const last = columnAt(plot, event.clientX);
    dragged ||= last !== first;
    for (const column of plot.querySelectorAll(".chosen")) column.classList.remove("chosen");
    if (dragged) columns(last).forEach((column) => column.classList.add("chosen"));
  });
  plot.addEventListener("click", (event) => { if (dragged) event.preventDefault(); });
  document.addEventListener("pointerup", (event) => {
    if (first && dragged) {
      const chosen = columns(columnAt(plot, event.clientX));
      closer(chosen[0].dataset.since, chosen.at(-1).dataset.until);
    }
    first = null;
  });
}

export function setUpPlots() {
  for (const plot of document.querySelectorAll("[data-plot]")) setUp(plot);
  for (const hint of document.querySelectorAll("[data-drag-hint]")) hint.hidden = false;
}
