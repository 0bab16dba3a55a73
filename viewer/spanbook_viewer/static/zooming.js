// Zooms and pans the time scale: the wheel around the pointer, a drag, the keys of the zoom links.
// Bars keep their places on the whole scale; two properties of #spans say which part is drawn.

const SMALLEST = 1e-5; // of the whole, as the server has it
const STILL = 250; // milliseconds without a movement after which the address says where we are

let shown = null; // the part that a movement chose: { start, end }, as fractions
let timer = 0;

function pane() {
  return document.querySelector("#spans[data-length]");
}

function part() {
  const style = pane().style;
  const start = parseFloat(style.getPropertyValue("--from")) / 100;
  return { start, end: start + 1 / parseFloat(style.getPropertyValue("--zoom")) };
}

function bounded(middle, width) {
  const length = Math.min(1, Math.max(SMALLEST, width));
  const start = Math.min(1 - length, Math.max(0, middle - length / 2));
  return { start, end: start + length };
}

export function duration(milliseconds) {
  if (milliseconds > 0 && milliseconds < 0.5) return "<1 ms";
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59995) return `${(milliseconds / 1000).toFixed(2)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60).toLocaleString("en")} h ${minutes % 60} min`;
}

function draw({ start, end }) {
  const here = pane();
  here.style.setProperty("--from", `${start * 100}%`);
  here.style.setProperty("--zoom", 1 / (end - start));
  const length = Number(here.dataset.length);
  [start, (start + end) / 2, end].forEach((place, number) => {
    here.querySelectorAll(".scale span")[number].textContent = duration(place * length);
  });
  const whole = document.querySelector('[data-zoom="whole"]');
  if (start <= 0 && end >= 1) whole?.setAttribute("aria-current", "true");
  else whole?.removeAttribute("aria-current");
}

function remember() {
  if (!pane()) return;
  const { start, end } = part();
  const length = Number(pane().dataset.length);
  const address = new URL(location.href);
  const isWhole = start <= 0 && end >= 1;
  for (const [name, place] of [["from", start], ["to", end]]) {
    if (isWhole) address.searchParams.delete(name);
    else address.searchParams.set(name, Number((place * length).toPrecision(10)));
  }
  if (address.protocol !== "file:") history.replaceState(history.state, "", address);
  shown = null;
}

function show(next) {
  shown = next;
  draw(next);
  clearTimeout(timer);
  timer = setTimeout(remember, STILL);
}

// The address of a link, with the part of the time scale that is shown now.
export function zoomed(address) {
  const url = new URL(address);
  if (shown) {
    clearTimeout(timer);
    remember();
  }
  for (const name of ["from", "to"]) {
    const value = new URL(location.href).searchParams.get(name);
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

// Where on the scale a pointer is, as a fraction of what is drawn; null beside it.
function placeOf(event) {
  const scale = pane()?.querySelector(".scale");
  if (!scale?.offsetParent || !event.target.closest?.("#spans .row")) return null;
  const { left, width } = scale.getBoundingClientRect();
  const place = (event.clientX - left) / width;
  return place >= 0 && place <= 1 ? place : null;
}

function zoomBy(factor, place = 0.5) {
  const { start, end } = part();
  const width = Math.min(1, Math.max(SMALLEST, (end - start) * factor));
  const at = start + place * (end - start);
  show(bounded(at + (0.5 - place) * width, width));
}

function panBy(share) {
  const { start, end } = part();
  const width = end - start;
  show(bounded((start + end) / 2 + share * width, width));
}

function zoomToSpan() {
  const mark = document.querySelector("#spans .row:has([aria-current]) .mark");
  if (!mark) return;
  const [offset, width] = ["--l", "--w"].map((name) => parseFloat(mark.style.getPropertyValue(name)) / 100);
  show(bounded(offset + width / 2, width * 1.04));
}

const steps = {
  in: () => zoomBy(0.5),
  out: () => zoomBy(2),
  span: zoomToSpan,
  whole: () => show({ start: 0, end: 1 }),
};

function onWheel(event) {
  const place = event.ctrlKey || event.altKey ? null : placeOf(event);
  if (place === null) return;
  const { start, end } = part();
  const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (isSideways) {
    if (end - start >= 1) return;
    panBy((event.deltaX || event.deltaY) / 500);
  } else {
    if (event.deltaY > 0 && end - start >= 1) return; // the page scrolls
    zoomBy(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) / 300), place);
  }
  event.preventDefault();
}

function setUpDragging() {
  let from = null;
  let moved = false;
  document.addEventListener("pointerdown", (event) => {
    moved = false;
    from = event.button === 0 && event.pointerType !== "touch" && placeOf(event) !== null ? event.clientX : null;
  });
  document.addEventListener("pointermove", (event) => {
    if (from === null || !(event.buttons & 1)) return;
    const distance = event.clientX - from;
    if (!moved && Math.abs(distance) < 4) return;
    moved = true;
    from = event.clientX;
    panBy(-distance / pane().querySelector(".scale").getBoundingClientRect().width);
  });
  document.addEventListener("pointerup", () => { from = null; });
  document.addEventListener("dragstart", (event) => {
    if (placeOf(event) !== null) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (!moved) return;
    moved = false;
    event.preventDefault();
    event.stopPropagation();
  }, true);
}

export function setUpZooming() {
  if (!pane()) return;
  document.addEventListener("wheel", onWheel, { passive: false });
  setUpDragging();
  document.addEventListener("dblclick", (event) => {
    if (placeOf(event) !== null) steps.whole();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !pane()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    steps[link.dataset.zoom]();
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.25, ArrowRight: 0.25 }[event.key];
    if (!step || !event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input, select, textarea") || !pane()) return;
    event.preventDefault();
    panBy(step);
  });
  // A page that was read again is drawn as the last movement left it.
  document.addEventListener("swapped", (event) => {
    if (shown && event.target.id === "spans" && pane()) draw(shown);
  });
}
