// The desk: what is typed is assessed at once and kept on the server; everything can be done by keys.
import { keys } from "./keys.js";
import { DESK_KEYS } from "./desk-keys.js";
import { startPlace } from "./desk-place.js";
import { startPanels, openPanel } from "./desk-panels.js";
import { startScript, step, answer, mark, facts } from "./desk-script.js";

const IDLE = 2000;
const desk = document.getElementById("desk");
const report = document.getElementById("report");
const words = document.querySelector("[data-words]").dataset;
const saved = document.getElementById("saved");
const csrf = document.querySelector('meta[name="csrf"]').content;
let idle = null, dirty = false, over = false, sending = null;

// Keeping ---------------------------------------------------------------------------------------------------------

async function keep() {
  clearTimeout(idle);
  if (!dirty || over) return;
  dirty = false;
  sending = fetch(`/desk/${desk.dataset.draft}/draft`, { method: "POST", body: new FormData(report), keepalive: true, headers: { "X-CSRF-Token": csrf, "HX-Request": "true", Accept: "text/html" } });
  try {
    const reply = await sending;
    if (reply.status === 401) document.body.dispatchEvent(new CustomEvent("session-ended"));
    if (!reply.ok) throw new Error(String(reply.status));
    saved.textContent = await reply.text();
  } catch {
    if (over) return;
    dirty = true;
    saved.textContent = words.offline;
    idle = setTimeout(keep, 2 * IDLE);
  }
}

function touched() {
  dirty = true;
  clearTimeout(idle);
  idle = setTimeout(keep, IDLE);
}

// Seeing ----------------------------------------------------------------------------------------------------------

const SOUGHT = new Set(["phone", "child.name", "child.birth_date", "child.id_number", "child.phone", "child.guardian_phone"]);
const say = (place, name) => document.getElementById(place).dispatchEvent(new CustomEvent(name));

function show() {
  const met = facts(report);
  for (const need of document.querySelectorAll("[data-need]")) {
    need.dataset.met = String(met[need.dataset.need]);
    const word = need.querySelector("[data-done]");
    word.textContent = met[need.dataset.need] ? word.dataset.done : word.dataset.missing;
  }
  if (desk.dataset.mode === "report") document.getElementById("send").disabled = !Object.values(met).every(Boolean);
  mark();
}

document.body.addEventListener("input", (event) => {
  if (event.target.form !== report) return;
  touched();
  show();
});
document.body.addEventListener("change", (event) => {
  if (event.target.form !== report) return;
  touched();
  show();
  if (SOUGHT.has(event.target.name)) say("similar", "look-for");
  if (!["attach", "not_same", "narrative", "address"].includes(event.target.name)) say("assessed", "assess");
});
report.addEventListener("focusout", keep);
window.addEventListener("pagehide", keep);
document.body.addEventListener("htmx:after:swap", () => {
  if (document.querySelector("#panel .trouble")) over = false;
  if (document.querySelector("#refusal .bar")) document.getElementById("refusal").focus();
});

const timer = document.getElementById("timer");
if (timer && desk.dataset.mode === "report") {
  const offset = Date.parse(document.querySelector('meta[name="server-now"]').content) - Date.now();
  const two = (number) => String(number).padStart(2, "0");
  const tick = () => {
    const past = Math.max(Math.floor((Date.now() + offset - Date.parse(timer.dateTime)) / 1000), 0);
    timer.textContent = `${two(Math.floor(past / 60))}:${two(past % 60)}`;
  };
  tick();
  setInterval(tick, 1000);
}

// Acting ----------------------------------------------------------------------------------------------------------

// Enter chooses and confirms while an input method composes; here it never sends. Only F4, Ctrl+Enter and the button do.
report.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || event.isComposing || event.keyCode === 229) return;
  if (event.target.matches("textarea, button, summary")) return;
  event.preventDefault();
  step(1);
});

async function send() {
  const button = document.getElementById("send");
  if (button.disabled) {
    document.querySelector('[data-need][data-met="false"]')?.scrollIntoView({ block: "nearest" });
    return;
  }
  await sending;
  report.requestSubmit(button);
}
report.addEventListener("submit", () => { clearTimeout(idle); dirty = false; });

document.getElementById("discard").addEventListener("submit", (event) => {
  if (desk.dataset.mode === "report" && dirtyAtAll() && !confirm(words.discard)) return event.preventDefault();
  over = true;
});
// A call that turns out to be no case ends its draft: nothing may be kept after that.
document.getElementById("panel").addEventListener("submit", (event) => { over = event.target.hasAttribute("data-digits"); });
const dirtyAtAll = () => ["place", "phone", "narrative"].some((name) => report.elements[name].value) || report.querySelector("input[name=concerns]:checked") !== null;

const RANK = ["blue", "yellow", "orange", "red"];
function wish(level) {
  const computed = document.querySelector("#assessed [data-level]")?.dataset.level;
  if (!computed) return;
  const note = document.getElementById("wish-note");
  if (RANK.indexOf(level) < RANK.indexOf(computed)) { note.textContent = words.lower; return; }
  report.elements.wish.value = level === computed || report.elements.wish.value === level ? "" : level;
  touched();
  say("assessed", "assess");
}
document.getElementById("assessed").addEventListener("click", (event) => {
  const button = event.target.closest("[data-wish]");
  if (button) wish(button.dataset.wish);
});
document.getElementById("save-now").addEventListener("click", () => { dirty = true; keep(); });
document.getElementById("rest-unknown").addEventListener("click", () => {
  for (const question of document.querySelectorAll(".dangers [data-question]")) {
    if (!question.querySelector(":checked")) question.querySelector("[value=unknown]").checked = true;
  }
  touched(); show(); say("assessed", "assess");
});

function call(by) {
  const tabs = [...document.querySelectorAll(".calls a")];
  const here = tabs.findIndex((tab) => tab.hasAttribute("aria-current"));
  tabs[(here + by + tabs.length) % tabs.length]?.click();
}
// Another call is opened only when this one is kept.
document.querySelector(".calls").addEventListener("click", async (event) => {
  const tab = event.target.closest("a");
  if (!tab || !dirty) return;
  event.preventDefault();
  await keep();
  location.href = tab.href;
});

const ACTS = {
  F2: async () => { await keep(); document.getElementById("new-call").click(); },
  F4: send,
  F8: () => document.querySelector("#similar input, #similar-title").focus(),
  F9: () => document.getElementById("script-title").focus(),
  "Alt+KeyY": () => answer("yes"),
  "Alt+KeyN": () => answer("no"),
  "Alt+KeyU": () => answer("unknown"),
  "Alt+KeyJ": () => step(1),
  "Alt+KeyK": () => step(-1),
  "Alt+KeyL": () => document.querySelector("#similar input[name=attach]")?.click(),
  "Alt+Digit0": () => openPanel(document.getElementById("no-case")),
  "Alt+Digit1": () => wish("red"),
  "Alt+Digit2": () => wish("orange"),
  "Alt+Digit3": () => wish("yellow"),
  "Alt+Digit4": () => wish("blue"),
  "Alt+BracketLeft": () => call(-1),
  "Alt+BracketRight": () => call(1),
  "Control+Enter": () => { const form = document.querySelector("dialog[open] form"); if (form) form.requestSubmit(); else send(); },
  "Control+KeyS": () => { dirty = true; keep(); },
};
keys(DESK_KEYS.map((entry) => ({ ...entry, anywhere: true, act: ACTS[entry.key] })));

startPlace(report);
startPanels();
startScript(report, () => { touched(); show(); say("assessed", "assess"); });
show();
if (desk.dataset.mode === "report" && !report.elements.place.value) document.getElementById("place-text").focus();
