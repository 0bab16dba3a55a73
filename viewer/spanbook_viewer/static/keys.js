// Keyboard shortcuts. Each stands on the element that it presses (`data-key`) or, for moving among
// rows, on their container (`data-keys`); the help is made from these attributes.

import { fold, isFolded } from "./folding.js";

const PATIENCE = 1000; // milliseconds between the two keys of `g t`

function rows() {
  const container = document.querySelector("[data-rows]");
  if (!container) return [];
  return [...container.querySelectorAll(".row .name > a:first-of-type, td.c-name a, .log .label a, .turn > h2 a")].filter((link) => link.offsetParent);
}

function current(links) {
  const focused = links.indexOf(document.activeElement);
  return focused >= 0 ? focused : links.findIndex((link) => link.matches("[aria-current]"));
}

function move(step) {
  const links = rows();
  const place = current(links);
  const next = links[place < 0 ? 0 : Math.min(links.length - 1, Math.max(0, place + step))];
  next?.focus();
}

function foldCurrent(open) {
  const links = rows();
  const item = links[current(links)]?.closest("li");
  if (!item) return;
  if (!open && (isFolded(item) || !item.querySelector(":scope > .row .fold"))) {
    item.parentElement.closest("li")?.querySelector(":scope > .row a")?.focus();
  } else {
    fold(item, open);
  }
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  h: () => foldCurrent(false),
  l: () => foldCurrent(true),
};
Object.assign(actions, { "↓": actions.j, "↑": actions.k, "←": actions.h, "→": actions.l });

const arrows = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };

// An arrow moves among rows when one of them has the focus; else it scrolls the page.
function nameOf(event) {
  const isArrow = event.key in arrows;
  if (!isArrow) return event.key;
  return event.shiftKey || !event.target.closest("[data-rows]") ? "" : arrows[event.key];
}

function containerKeys() {
  const container = document.querySelector("[data-rows][data-keys]");
  const pairs = (container?.dataset.keys ?? "").split(";").filter(Boolean);
  return pairs.flatMap((pair) => {
    const [keys, label] = pair.split("=");
    return keys.split(" ").map((key) => [key, label]);
  });
}

function press(element) {
  if (element.matches("input, select, textarea")) {
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
}

function help() {
  const dialog = document.createElement("dialog");
  const heading = Object.assign(document.createElement("h2"), { textContent: "Keys" });
  const table = document.createElement("table");
  const known = [...document.querySelectorAll("[data-key]:not([hidden])")].map((element) => [
    element.dataset.key,
    element.dataset.label ?? `go to ${element.textContent.trim()}`,
  ]);
  for (const [key, label] of [...known, ...containerKeys()]) {
    const row = table.insertRow();
    const cell = row.insertCell();
    for (const one of key.split(" ")) {
      cell.append(Object.assign(document.createElement("kbd"), { textContent: one }), " ");
    }
    row.insertCell().textContent = label;
  }
  const close = Object.assign(document.createElement("button"), { textContent: "Close", className: "button" });
  close.addEventListener("click", () => dialog.close());
  dialog.append(heading, table, close);
  dialog.setAttribute("aria-label", "Keys");
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function isTyping(target) {
  return target.isContentEditable || target.matches("input:not([type=checkbox]), select, textarea");
}

export function setUpKeys() {
  const button = document.querySelector("[data-help]");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", help);
  }
  let first = "";
  let since = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    const pair = Date.now() - since < PATIENCE ? `${first} ${name}` : "";
    first = name;
    since = Date.now();
    const element = [pair, name]
      .filter(Boolean)
      .map((key) => document.querySelector(`[data-key="${CSS.escape(key)}"]:not([hidden])`))
      .find(Boolean);
    const isOffered = containerKeys().some(([key]) => key === name);
    if (element) {
      event.preventDefault();
      press(element);
    } else if (isOffered && actions[name]) {
      event.preventDefault();
      actions[name]();
    }
  });
}
