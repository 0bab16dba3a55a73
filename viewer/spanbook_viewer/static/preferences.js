// Applies colours and refresh at once; the same cookies work without a script.

const YEAR = 31536000;

function keep(name, value) {
  document.cookie = `spanbook-${name}=${value}; path=/; max-age=${YEAR}; samesite=lax`;
}

function setRefresh(value) {
  keep("refresh", value);
  document.body.dataset.refresh = value;
  document.dispatchEvent(new Event("refresh-changed"));
}

export function setUpPreferences() {
  const form = document.querySelector("[data-preferences]");
  if (!form) return;
  form.querySelector("button").hidden = true;
  form.elements.theme.addEventListener("change", ({ target }) => {
    keep("theme", target.value);
    if (target.value) document.documentElement.dataset.theme = target.value;
    else delete document.documentElement.dataset.theme;
  });
  form.elements.refresh.addEventListener("change", ({ target }) => setRefresh(target.value));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-refresh]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    form.elements.refresh.value = link.dataset.refresh;
    setRefresh(link.dataset.refresh);
    for (const other of document.querySelectorAll("a[data-refresh]")) other.hidden = other.dataset.refresh === link.dataset.refresh;
  });
  document.addEventListener("click", (event) => {
    const menu = form.closest("details");
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}
