// Pages about failures: the chosen row survives a refresh, the error is scrolled to, #dialog opens.

const one = (selector, root = document) => root.querySelector(selector);

// What refreshes by itself forgets which row was chosen; it is known by its id.
let chosen = "";
document.addEventListener("htmx:before:swap", () => {
  chosen = one('[data-row][aria-selected="true"]')?.id ?? "";
});
document.addEventListener("htmx:after:swap", () => {
  if (chosen) document.getElementById(chosen)?.setAttribute("aria-selected", "true");
  toTheError();
});

// The page of a payload shows the error in its middle, once.
function toTheError() {
  const lines = one(".payload:not([data-scrolled])");
  if (!lines) return;
  lines.dataset.scrolled = "";
  const marked = one("[data-marked]", lines);
  if (!marked) return;
  lines.scrollTop = marked.offsetTop - lines.offsetTop - (lines.clientHeight - marked.offsetHeight) / 2;
  const cell = one(".here", marked);
  if (cell) lines.scrollLeft = Math.max(0, cell.offsetLeft - lines.offsetLeft - lines.clientWidth / 2);
}

// An address that ends in the name of a dialog opens it: r in the list leads to "replay this group".
function openNamed() {
  const dialog = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

window.addEventListener("hashchange", openNamed);
toTheError();
openNamed();
