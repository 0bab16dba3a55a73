// Marks the text that is looked for wherever the page shows it, without touching the page.

export function markFound() {
  if (!window.Highlight || !CSS.highlights) return;
  CSS.highlights.delete("found");
  const wanted = document.getElementById("find")?.defaultValue.toLowerCase();
  if (!wanted) return;
  const ranges = [];
  for (const id of ["spans", "detail"]) {
    const part = document.getElementById(id);
    if (!part) continue;
    const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      const lower = text.data.toLowerCase();
      for (let at = lower.indexOf(wanted); at >= 0 && at + wanted.length <= text.length; at = lower.indexOf(wanted, at + wanted.length)) {
        ranges.push(new StaticRange({ startContainer: text, startOffset: at, endContainer: text, endOffset: at + wanted.length }));
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges.slice(0, 5000)));
}

export function setUpFinding() {
  markFound();
  document.addEventListener("swapped", markFound);
}
