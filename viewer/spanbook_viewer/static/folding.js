// Folding of the tree. What is folded is remembered by span, so that a live page keeps it.

const folded = new Set();

function show(item, open) {
  const button = item.querySelector(":scope > .row .fold");
  if (!button) return;
  item.classList.toggle("folded", !open);
  button.setAttribute("aria-expanded", String(open));
}

export function fold(item, open) {
  const key = item.dataset.span ?? "orphans";
  if (open) folded.delete(key);
  else folded.add(key);
  show(item, open);
}

export function isFolded(item) {
  return item.classList.contains("folded");
}

export function setUpFolding() {
  document.documentElement.dataset.script = "";
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".fold");
    if (!button) return;
    const item = button.closest("li");
    fold(item, isFolded(item));
  });
  document.addEventListener("swapped", (event) => {
    if (!folded.size) return;
    for (const item of event.target.querySelectorAll(".tree li")) {
      if (folded.has(item.dataset.span ?? "orphans")) show(item, false);
    }
  });
}
