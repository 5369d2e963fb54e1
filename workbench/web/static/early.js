// Runs before anything is drawn. On a slow machine a page is seen before its scripts are there: what
// is pressed until then is kept, and done once they are. Nothing is lost, no question goes unasked.
"use strict";
{
  const BUTTONS = "button:is([type=button], [hx-get], [hx-post], [data-opens])";
  const TYPED_IN = "input, select, textarea, [contenteditable], a, button, summary";
  const kept = new Map();

  // Somebody impatient presses twice and means it once.
  const keep = (event, what, again) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    kept.set(what, again);
  };

  const early = {
    click(event) {
      const button = event.target.closest?.(BUTTONS);
      if (button) keep(event, button, () => button.click());
    },
    submit(event) {
      const { target: form, submitter } = event;
      if (!(submitter?.dataset.confirm ?? form.dataset.confirm)) return;
      keep(event, form, () => form.requestSubmit(submitter));
    },
    change(event) {
      const field = event.target;
      if (!field.matches("[data-submits]")) return;
      keep(event, field, () => field.dispatchEvent(new Event("change", { bubbles: true })));
    },
    keydown(event) {
      const { key, ctrlKey, metaKey, altKey, target } = event;
      if (ctrlKey || metaKey || altKey || target.closest?.(TYPED_IN)) return;
      if (key !== "Enter" && (key.length !== 1 || key === " ")) return;
      // Where an earlier key has led to a field, the later ones were meant for it: not as commands.
      const again = () => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      keep(event, event, again);
    },
    // A text that is not there to its end would be cut off where somebody types in it.
    beforeinput(event) {
      if (document.readyState === "loading" && event.target.matches?.("textarea")) event.preventDefault();
    },
  };

  const release = () => {
    for (const [name, listener] of Object.entries(early)) window.removeEventListener(name, listener, true);
    for (const again of kept.values()) again();
    // What was opened loads its content when it is told so.
    for (const opened of document.querySelectorAll("details[open][hx-get]")) opened.dispatchEvent(new Event("toggle"));
  };

  for (const [name, listener] of Object.entries(early)) window.addEventListener(name, listener, true);
  // Deferred scripts and modules have run by then; htmx binds in a timer of its own before this one.
  document.addEventListener("DOMContentLoaded", () => setTimeout(release));
}
