// Writes the rule of a patch as JSON from the form's fields; what is typed as JSON counts.

const form = document.querySelector("#patch-form");
const rule = document.querySelector("#rule");
const field = (name) => form.elements[`b_${name}`];
const given = (name) => field(name).value;

// Numbers, true, false and null are meant as such where the payload has no text.
function scalar(text) {
  if (["true", "false", "null"].includes(text)) return JSON.parse(text);
  return /^-?(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text;
}

function when() {
  const test = given("test");
  if (!given("when")) return {};
  return { when: { path: given("when"), ...(test === "equals" ? { equals: scalar(given("equals")) } : { exists: test === "exists" }) } };
}

const written = {
  json: () => {
    const op = given("op");
    const about = { form: "json", op, path: given("path") };
    if (op === "copy") about.from = given("from");
    else if (op !== "remove" && field("number").checked) about.number = given("value");
    else if (op !== "remove") about.value = given("value");
    return { ...about, ...(given("old") ? { old: scalar(given("old")) } : {}), ...when() };
  },
  xml: () => ({ form: "xml", op: "set", path: given("path"), ...(given("attribute") ? { attribute: given("attribute") } : {}), value: given("value"), ...(given("old") ? { old: given("old") } : {}) }),
  segments: () => ({ form: "segments", op: "set", tag: given("tag").toUpperCase(), element: Number(given("element")), value: given("value"), ...(given("old") ? { old: given("old") } : {}) }),
  text: () => ({ form: "text", op: "replace", old: given("old"), new: given("value"), ...(given("prefix") ? { prefix: given("prefix") } : {}) }),
};

function show() {
  const [kind, op] = [given("form"), given("op")];
  for (const part of form.querySelectorAll("[data-for], [data-not], [data-only], [data-when]")) {
    const { for: forms, not, only, when: test } = part.dataset;
    const fits = !forms || forms.split(" ").includes(kind);
    const meant = kind !== "json" || ((!not || !not.split(" ").includes(op)) && (!only || only === op));
    part.hidden = !(fits && meant && (!test || test === given("test")));
  }
}

function write() {
  show();
  rule.value = JSON.stringify(written[given("form")](), null, 2);
}

form.addEventListener("input", (event) => {
  if (event.target.name?.startsWith("b_")) write();
});
show();
// A rule that was typed before this ran, or that the browser brought back, stays.
if (!("typed" in rule.dataset) && rule.value === rule.defaultValue) write();
