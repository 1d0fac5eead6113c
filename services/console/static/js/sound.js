// Tones, the tab's title, and what is said aloud. Browsers play nothing before somebody pressed a button, so the button
// says what it does. A tone is for a tier-one referral that arrives here and for an own clock that ran out, nothing else.
const SPEAK_EVERY = 10000;
const plain = document.title;
let context = null, unseen = 0, spoken = 0, unsaid = 0;

function tone(frequencies) {
  if (!context) return;
  document.body.dispatchEvent(new CustomEvent("toned"));
  let at = context.currentTime;
  for (const frequency of frequencies) {
    const oscillator = context.createOscillator(), gain = context.createGain();
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0.15, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.36);
    at += 0.38;
  }
}

const arrival = () => tone([880, 660, 880]);
const overdue = () => tone([440, 330]);

// The title counts what happened while the tab was out of sight.
function count() {
  if (document.hidden) unseen += 1;
  document.title = unseen ? `(${unseen}) ${plain}` : plain;
}

// The board and a list of all units show other people's clocks.
const own = () => document.body.dataset.page !== "board" && new URLSearchParams(location.search).get("unit") !== "all";

function sayOverdue() {
  const news = document.getElementById("news");
  unsaid += 1;
  if (Date.now() - spoken < SPEAK_EVERY) return;
  news.textContent = news.dataset.overdue.replace("{count}", unsaid);
  [spoken, unsaid] = [Date.now(), 0];
}

export function startSound() {
  const button = document.getElementById("sound");
  if (!button) return;
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    const word = button.querySelector("[data-on]");
    word.textContent = on ? word.dataset.on : word.dataset.off;
    context?.close();
    context = on ? new AudioContext() : null;
    if (on) arrival();
  });
  document.body.addEventListener("arrival-changed", (event) => {
    if (!event.detail?.own) return;
    count();
    if (event.detail.level !== "red") return;
    arrival();
    const alarm = document.getElementById("alarm");
    alarm.textContent = "";
    setTimeout(() => { alarm.textContent = alarm.dataset.arrival; }, 50);
  });
  document.body.addEventListener("clock-passed", (event) => {
    if (event.detail.state !== "over" || !own()) return;
    overdue();
    count();
    sayOverdue();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { unseen = 0; count(); } });
}
