// All shortcuts in one table, which is also the help. Keys pressed while an input method composes are not ours. Keys that
// are one character can be switched off for people whose tools press them unasked; the browser remembers it.
import { tinykeys } from "../vendor/tinykeys-3.1.0.js";

const english = document.documentElement.lang.startsWith("en");
const OFF = "sw_single_keys=off";
const table = [];

const single = (entry) => /^(Shift\+)?.$/u.test(entry.key);
const switchedOff = () => document.cookie.split("; ").includes(OFF);

export function keys(entries) {
  const bindings = {};
  for (const entry of entries) {
    table.push(entry);
    bindings[entry.key] = (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (single(entry) && switchedOff()) return;
      const writing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
      if (writing && !entry.anywhere) return;
      event.preventDefault();
      entry.act(event);
    };
    document.querySelectorAll(entry.button ?? "none").forEach((button) => button.setAttribute("aria-keyshortcuts", entry.key.replace("$mod", "Control")));
  }
  tinykeys(window, bindings);
  draw();
}

// Keys of another page: the help tells them, here they do nothing.
export function explain(entries) {
  table.push(...entries);
  draw();
}

function draw() {
  const off = switchedOff();
  for (const place of document.querySelectorAll("[data-key-map]")) {
    const rows = table.map((entry) => {
      const row = document.createElement("tr");
      row.toggleAttribute("data-off", off && single(entry));
      for (const [name, text] of [["th", entry.shown ?? entry.key], ["td", english ? entry.en : entry.zh]]) {
        const cell = document.createElement(name);
        if (name === "th") cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    });
    const body = document.createElement("tbody");
    body.append(...rows);
    const whole = document.createElement("table");
    whole.append(body);
    place.replaceChildren(whole);
  }
  for (const box of document.querySelectorAll("[data-single-keys]")) box.checked = !off;
}

function help() {
  const dialog = document.getElementById("help-dialog");
  if (!dialog) location.href = "/help";
  else if (!dialog.open) dialog.showModal();
}

export function startKeys() {
  document.body.addEventListener("change", (event) => {
    if (!event.target.matches("[data-single-keys]")) return;
    document.cookie = `${event.target.checked ? "sw_single_keys=on; max-age=0" : `${OFF}; max-age=31536000`}; path=/; samesite=lax`;
    draw();
  });
  document.querySelector("#help-dialog [data-close-help]")?.addEventListener("click", () => document.getElementById("help-dialog").close());
  keys([
    { key: "Shift+?", shown: "?", zh: "本帮助", en: "this help", act: help },
    { key: "Alt+Slash", shown: "Alt+/", anywhere: true, zh: "本帮助", en: "this help", act: help },
    { key: "Escape", shown: "Esc", anywhere: true, zh: "关闭面板", en: "close a panel", act: () => [...document.querySelectorAll("dialog[open]")].at(-1)?.close() },
  ]);
}
