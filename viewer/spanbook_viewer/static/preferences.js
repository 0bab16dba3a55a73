// Applies colours and refresh at once; the same cookies work without a script.

const YEAR = 31536000;

function keep(name, value) {
  document.cookie = `spanbook-${name}=${value}; path=/; max-age=${YEAR}; samesite=lax`;
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
  form.elements.refresh.addEventListener("change", ({ target }) => {
    keep("refresh", target.value);
    document.body.dataset.refresh = target.value;
    document.dispatchEvent(new Event("refresh-changed"));
  });
  document.addEventListener("click", (event) => {
    const menu = form.closest("details");
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}
