// A textarea with line numbers: they scroll along, the caret's place is told, Ctrl+Enter tries.

const editor = document.querySelector("[data-editor]");

function number() {
  const count = editor.value.split("\n").length;
  const lines = document.querySelector(".editor-lines");
  if (Number(lines.dataset.count) !== count) {
    lines.textContent = Array.from({ length: count }, (_, at) => at + 1).join("\n") + "\n\n";
    lines.dataset.count = count;
  }
  lines.scrollTop = editor.scrollTop;
}

function tellPlace() {
  const before = editor.value.slice(0, editor.selectionStart).split("\n");
  document.querySelector("[data-caret]").textContent = `line ${before.length}, column ${before.at(-1).length + 1}`;
}

function toPlace() {
  const [from, to] = [Number(editor.dataset.from), Number(editor.dataset.to)];
  if (!Number.isFinite(from)) return;
  editor.focus({ preventScroll: true });
  editor.setSelectionRange(from, to);
  const row = editor.value.slice(0, from).split("\n");
  editor.scrollTop = row.length * 20 - editor.clientHeight / 2;
  editor.scrollLeft = Math.max(0, row.at(-1).length * 7.8 - editor.clientWidth / 2);
  number();
}

function onKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  document.querySelector('[data-key="t"]').click();
}

// Whoever types keeps the failure: it would be free for others after a quarter of an hour.
const KEEP_MS = 240_000;
let kept = Date.now();

async function keep() {
  if (Date.now() - kept < KEEP_MS) return;
  kept = Date.now();
  const token = editor.form.elements.csrf_token.value;
  const answer = await fetch(editor.dataset.keep, { method: "POST", headers: { "X-CSRF-Token": token } });
  if (answer.ok) return;
  const text = "Somebody else is editing this failure now. Copy what you have typed.";
  document.dispatchEvent(new CustomEvent("toast", { detail: { text, kind: "bad" } }));
}

// What was typed is not lost by a slip; sending any form is meant.
let leaving = false;
function askToStay(event) {
  if (!leaving && editor.value !== editor.defaultValue) event.preventDefault();
}

if (editor) {
  document.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", askToStay);
  editor.addEventListener("input", keep);
  editor.addEventListener("input", number);
  editor.addEventListener("scroll", number);
  editor.addEventListener("keydown", onKey);
  document.addEventListener("selectionchange", tellPlace);
  document.querySelector("[data-to-place]")?.addEventListener("click", toPlace);
  number();
  // Whoever is at work already is not led away.
  if (editor.dataset.from && document.activeElement === document.body) toPlace();
}
