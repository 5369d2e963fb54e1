// What pages do beyond links and forms: times, theme, dialogs, toasts, keys, tabs, plots.
// Everything is declared by data attributes; a page needs no script of its own. docs/workbench.md.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// ── Times: <time datetime> in the viewer's zone; the exact UTC stays in the title ──────────────
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const twoDigits = (number) => String(number).padStart(2, "0");

function localTime(moment, datesOnly) {
  const day = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map(twoDigits).join("-");
  if (datesOnly) return day;
  const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(twoDigits).join(":");
  return `${day} ${clock}`;
}

function showTimes(root) {
  for (const time of all("time[datetime]:not([data-local])", root)) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.textContent = localTime(moment, "date" in time.dataset);
    time.dataset.local = zone;
  }
  for (const place of all("[data-zone]", root)) place.textContent = zone;
}

// ── Theme: the system's, or the one chosen ──────────────────────────────────────────────────────
const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Kept for this page only.
  }
  drawPlots(document);
}

// ── Toasts: <template id="toast-template">, and the event `toast` that HX-Trigger fires ─────────
const TOAST_MS = 7000;

function showToast({ text, kind = "plain" }) {
  const toast = one("#toast-template").content.firstElementChild.cloneNode(true);
  toast.classList.add(["good", "bad"].includes(kind) ? kind : "plain");
  one("span", toast).textContent = text;
  one("#toasts").append(toast);
}

function keepToastsShort(root) {
  for (const toast of all(".toast:not([data-timed])", root)) {
    toast.dataset.timed = "";
    // What went wrong stays until it was read.
    if (!toast.classList.contains("bad")) setTimeout(() => toast.remove(), TOAST_MS);
  }
}

// ── Dialogs: data-opens="ID", data-closes; data-confirm="question" on a form or a button ────────
function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

function askFirst(event) {
  const button = event.submitter;
  const question = button?.dataset.confirm ?? event.target.dataset.confirm;
  if (!question || event.target.dataset.sure) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const dialog = one("#confirm");
  one("[data-question]", dialog).textContent = question;
  one("[data-yes]", dialog).textContent = button?.textContent.trim() || "Yes";
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    event.target.dataset.sure = "yes";
    event.target.requestSubmit(button ?? undefined);
    delete event.target.dataset.sure;
  };
  dialog.returnValue = "";
  dialog.showModal();
}

// ── Rows: tr[data-row] are walked with j and k; a[data-open] in one is what Enter opens ─────────
const rows = () => all("[data-row]").filter((row) => row.offsetParent !== null);
const chosenRow = () => one('[data-row][aria-selected="true"]');

function chooseRow(step) {
  const found = rows();
  if (!found.length) return;
  const at = found.indexOf(chosenRow());
  const next = found[Math.min(Math.max(at + step, 0), found.length - 1)];
  for (const row of found) row.setAttribute("aria-selected", String(row === next));
  next.scrollIntoView({ block: "nearest" });
}

// ── Keys: data-key="r" on anything that can be clicked; in the chosen row first, then the page ──
function pressed(key) {
  const target = one(`[data-key="${CSS.escape(key)}"]`, chosenRow() ?? document) ?? one(`[data-key="${CSS.escape(key)}"]`);
  if (!target || target.disabled) return false;
  if (target.matches("input, select, textarea")) target.focus();
  else target.click();
  return true;
}

const ownKeys = {
  j: () => chooseRow(1),
  k: () => chooseRow(-1),
  Enter: () => one("a[data-open]", chosenRow() ?? document.createElement("tr"))?.click(),
  "?": () => openDialog("help"),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  if (event.key in ownKeys) ownKeys[event.key]();
  else if (event.key.length !== 1 || !pressed(event.key)) return;
  event.preventDefault();
}

// ── Tabs: [role=tablist] with [role=tab aria-controls=ID]; arrows walk them ─────────────────────
function chooseTab(tab) {
  for (const other of all("[role=tab]", tab.parentElement)) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
}

function onTabKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const tab = event.target.closest?.("[role=tab]");
  if (!step || !tab) return;
  const tabs = all("[role=tab]", tab.parentElement);
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
  next.focus();
  chooseTab(next);
}

// ── Plots: data-plot='{"series": ["label", …], "data": [[seconds…], [values…], …]}' ─────────────
const plots = new Map();
const colour = (name) => {
  // A custom property is told as it is written; only a real one is told as the colour it becomes.
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

// On a plot's axis a day begins with its date; all other marks are times of day.
function axisTime(seconds) {
  const moment = new Date(seconds * 1000);
  const text = localTime(moment, false);
  return text.endsWith("00:00:00") ? text.slice(5, 10) : text.slice(11, 16);
}

function drawPlots(root) {
  if (!window.uPlot) return;
  for (const [place, plot] of plots) {
    if (place.isConnected) continue;
    plot.destroy();
    plots.delete(place);
  }
  for (const place of all("[data-plot]", root)) {
    plots.get(place)?.destroy();
    const { series, data } = JSON.parse(place.dataset.plot);
    const strokes = ["accent", "bad", "good", "warn"].map(colour);
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    const options = {
      width: place.clientWidth,
      height: Number(place.dataset.height ?? 180),
      axes: [{ ...axis, values: (_, marks) => marks.map(axisTime) }, { ...axis, size: 44 }],
      series: [{ label: "time", value: (_, at) => (at === null ? "–" : localTime(new Date(at * 1000))) }, ...series.map((label, at) => ({ label, stroke: strokes[at % 4], width: 2, points: { show: false } }))],
      scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    };
    plots.set(place, new window.uPlot(options, data, place));
    if (!place.dataset.watched) new ResizeObserver(() => resizePlot(place)).observe(place);
    place.dataset.watched = "yes";
  }
}

function resizePlot(place) {
  const plot = plots.get(place);
  if (plot && plot.width !== place.clientWidth) {
    plot.setSize({ width: place.clientWidth, height: plot.height });
  }
}

// ── Clicks ──────────────────────────────────────────────────────────────────────────────────────
async function copy(button) {
  await navigator.clipboard?.writeText(one(button.dataset.copy).textContent.trim());
  showToast({ text: "Copied.", kind: "good" });
}

function onClick(event) {
  const target = event.target.closest?.("[data-opens], [data-closes], [data-copy], [data-theme-switch], [data-away], [role=tab][aria-controls]");
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (!target) return;
  if (target.dataset.opens) openDialog(target.dataset.opens);
  else if ("closes" in target.dataset) target.closest("dialog")?.close();
  else if (target.dataset.copy) copy(target);
  else if ("themeSwitch" in target.dataset) switchTheme();
  else if ("away" in target.dataset) target.closest(".toast").remove();
  else chooseTab(target);
}

// ── Everything together, for the page and for each part that htmx swaps in ──────────────────────
function enhance(root) {
  showTimes(root);
  keepToastsShort(root);
  drawPlots(root);
}

document.addEventListener("click", onClick);
document.addEventListener("submit", askFirst, true);
document.addEventListener("keydown", onKey);
document.addEventListener("keydown", onTabKey);
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
document.addEventListener("toast", (event) => showToast(event.detail));
document.addEventListener("htmx:after:swap", () => enhance(document));
document.addEventListener("htmx:error", () => showToast({ text: "The gateway did not answer. Is it running?", kind: "bad" }));
new MutationObserver(() => keepToastsShort(document)).observe(one("#toasts"), { childList: true });
enhance(document);
