// Countdowns. The server sends due and warn times and its own clock; here they are only worded, once a second.
const words = document.documentElement.lang.startsWith("en")
  ? { left: (t) => `${t} left`, over: (t) => `${t} overdue`, d: "d", h: "h", m: "min", s: "s", gap: " " }
  : { left: (t) => `剩余 ${t}`, over: (t) => `已超时 ${t}`, d: "天", h: "小时", m: "分", s: "秒", gap: "" };

let offset = 0;

export function serverNow() {
  return Date.now() + offset;
}

const meta = document.querySelector('meta[name="server-now"]');
if (meta) offset = Date.parse(meta.content) - Date.now();

export function correct(serverTime) {
  offset = Date.parse(serverTime) - Date.now();
}

export function inWords(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const days = Math.floor(seconds / 86400), hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60), rest = seconds % 60;
  const two = (n) => String(n).padStart(2, "0");
  if (days) return `${days}${words.d}${words.gap}${hours}${words.h}`;
  if (hours) return `${hours}${words.h}${words.gap}${two(minutes)}${words.m}`;
  return `${minutes}${words.m}${words.gap}${two(rest)}${words.s}`;
}

function show(clock) {
  const left = Date.parse(clock.dateTime) - serverNow();
  const warn = clock.dataset.warn ? Date.parse(clock.dataset.warn) - serverNow() : left;
  const text = left >= 0 ? words.left(inWords(left)) : words.over(inWords(left));
  const label = clock.querySelector(".countdown") ?? clock;
  if (label.textContent !== text) label.textContent = text;
  const state = left < 0 ? "over" : warn <= 0 ? "soon" : "normal";
  if (clock.dataset.state !== state) {
    const passed = clock.dataset.state;
    clock.dataset.state = state;
    clock.classList.remove("time-normal", "time-soon", "time-over");
    clock.classList.add(`time-${state}`);
    if (passed) document.body.dispatchEvent(new CustomEvent("clock-passed", { detail: { state, clock } }));
  }
}

export function startClocks() {
  const all = () => document.querySelectorAll("time[data-clock]").forEach(show);
  all();
  setInterval(all, 1000);
  document.body.addEventListener("htmx:after:swap", all);
  document.body.addEventListener("htmx:after:request", (event) => {
    const date = event.detail?.ctx?.response?.headers?.get?.("x-server-now");
    if (date) correct(date);
  });
}
