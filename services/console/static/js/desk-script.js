// The script beside the form: which question is the current one, what is answered, and answering it by a key.
let report, changed;
let current = "place";

const questions = () => [...document.querySelectorAll("#questions li")];
const place = (name) => document.querySelector(`[data-question="${name}"]`);
const value = (name) => report.querySelector(`[name="${name}"]:checked`)?.value ?? "";

export function facts(form) {
  const danger = [...form.querySelectorAll(".dangers [data-question]")].map((question) => question.querySelector(":checked")?.value ?? "");
  return {
    where: form.elements.place.value !== "",
    callback: form.elements.phone.value.trim() !== "" || form.elements.phone_unknown.checked,
    what: form.querySelector("input[name=concerns]:checked") !== null,
    danger: danger.includes("yes") || danger.every(Boolean),
  };
}

function answered(name) {
  const met = facts(report);
  if (name === "place") return met.where;
  if (name === "phone") return met.callback;
  if (name === "concerns") return met.what;
  return value(name) !== "";
}

export function mark() {
  let done = 0;
  for (const item of questions()) {
    const name = item.dataset.for;
    const yes = answered(name);
    done += yes ? 1 : 0;
    item.toggleAttribute("data-answered", yes);
    if (name === current) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
    const said = item.querySelector(".answer");
    said.textContent = name.startsWith("c.") ? (JSON.parse(said.dataset.answers)[value(name)] ?? "") : yes ? "✓" : "";
  }
  for (const one of document.querySelectorAll(".ynu[data-question]")) one.toggleAttribute("data-current", one.dataset.question === current);
  const progress = document.getElementById("progress");
  progress.textContent = `${progress.dataset.word} ${done}/${questions().length}`;
}

function go(name) {
  current = name;
  const here = place(name);
  const field = here?.querySelector(":checked") ?? here?.querySelector("input:not([type=hidden]), select, textarea");
  field?.focus();
  here?.scrollIntoView({ block: "nearest" });
  document.querySelector(`#questions li[data-for="${CSS.escape(name)}"]`)?.scrollIntoView({ block: "nearest" });
  mark();
}

export function step(by) {
  const order = questions().map((item) => item.dataset.for);
  const at = order.indexOf(current);
  const to = at < 0 ? 0 : Math.min(Math.max(at + by, 0), order.length - 1);
  go(order[to]);
}

export function answer(said) {
  const inside = document.activeElement?.closest("[data-question]")?.dataset.question ?? current;
  const here = place(inside);
  const choice = here?.querySelector(`input[type=radio][value="${said}"]`);
  if (choice) choice.checked = true;
  else if (said === "unknown" && inside === "phone") report.elements.phone_unknown.checked = true;
  else if (said === "unknown" && inside === "place") document.getElementById("p-unknown").dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
  else return;
  current = inside;
  changed();
  const order = questions().map((item) => item.dataset.for);
  if (order.includes(inside) && order.indexOf(inside) < order.length - 1) step(1); else mark();
}

export function startScript(form, whenChanged) {
  report = form;
  changed = whenChanged;
  report.addEventListener("focusin", (event) => {
    const inside = event.target.closest("[data-question]");
    if (!inside || !document.querySelector(`#questions li[data-for="${CSS.escape(inside.dataset.question)}"]`)) return;
    current = inside.dataset.question;
    mark();
  });
  document.getElementById("questions").addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (!item || !event.target.closest("a")) return;
    event.preventDefault();
    go(item.dataset.for);
  });
  // In the list of concerns a digit ticks the concern of that number.
  document.getElementById("q-concerns").addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey) return;
    const box = report.querySelector(`#q-concerns [data-digit="${event.key}"]`);
    if (!box) return;
    event.preventDefault();
    box.click();
    box.focus();
  });
}
