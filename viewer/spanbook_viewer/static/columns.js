// Widens and narrows columns by dragging the edge of a head; the width goes into the address.

const LEAST = 40;

export function setUpColumns() {
  addGrips(document);
  document.addEventListener("swapped", (event) => addGrips(event.target));
}

function addGrips(root) {
  for (const head of root.querySelectorAll("th[data-column]")) {
    if (head.dataset.resizable !== undefined) continue;
    head.dataset.resizable = "";
    const grip = document.createElement("span");
    grip.className = "grip";
    grip.setAttribute("aria-hidden", "true"); // widths are fields of the form of columns, too
    grip.addEventListener("pointerdown", (event) => drag(event, head, grip));
    head.append(grip);
  }
}

function drag(event, head, grip) {
  event.preventDefault();
  const start = event.clientX;
  const before = head.getBoundingClientRect().width;
  const width = (now) => Math.round(Math.min(Math.max(before + now.clientX - start, LEAST), 2000));
  const cells = document.querySelectorAll(`tr > :nth-child(${head.cellIndex + 1})`);
  grip.setPointerCapture(event.pointerId);
  grip.onpointermove = (now) => {
    for (const cell of cells) {
      cell.classList.add("sized");
      cell.style.setProperty("--w", `${width(now)}px`);
    }
  };
  grip.onpointerup = (now) => {
    grip.onpointermove = grip.onpointerup = null;
    if (now.clientX === start) return;
    const address = new URL(location.href);
    const shown = [...head.parentElement.querySelectorAll("th[data-column]")];
    const words = shown.map((one) => {
      const size = one === head ? width(now) : parseInt(one.style.getPropertyValue("--w"), 10);
      return size ? `${one.dataset.column}:${size}` : one.dataset.column;
    });
    address.searchParams.delete("columns");
    address.searchParams.set("columns", words.join(","));
    location.assign(address);
  };
}
