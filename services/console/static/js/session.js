// The end of a session: five minutes before it, and when an answer says that it has ended, a dialog signs in again. The
// page behind it stays as it is: a half-written form keeps its words and takes the new session's secret, in every tab.
import { correct, serverNow } from "./clocks.js";

const WARN_BEFORE = 5 * 60 * 1000, LONGEST = 30 * 60 * 1000, AGAIN = 60 * 1000;

function take(secret) {
  const known = document.querySelector('meta[name="csrf"]');
  if (!known || known.content === secret) return;
  known.content = secret;
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRF-Token": secret }));
  for (const field of document.querySelectorAll('input[type=hidden][name="csrf"]')) field.value = secret;
}

export function startSession() {
  const dialog = document.getElementById("session-dialog");
  if (!dialog) return;
  const others = "BroadcastChannel" in window ? new BroadcastChannel("shouwang-session") : null;
  let over = false, timer = 0;

  function ask() {
    for (const line of dialog.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== (over ? "over" : "soon");
    if (dialog.open) return;
    dialog.showModal();
    const place = document.getElementById("session-form");
    // A form that is there stays: one that came late would wipe what somebody has begun to type.
    if (place.querySelector("form")) waiting();
    else place.dispatchEvent(new Event("renew"));
  }

  function waiting() {
    const fields = [...dialog.querySelectorAll("input:not([type=hidden])")];
    fields[0].value ||= document.body.dataset.account;
    (fields.find((field) => !field.value) ?? fields[0]).focus();
  }

  function ended() {
    over = true;
    ask();
  }

  async function look() {
    clearTimeout(timer);
    timer = setTimeout(look, AGAIN);
    let answer, said;
    try {
      answer = await fetch("/ui/session", { headers: { Accept: "application/json" } });
      if (answer.status === 401) return ended();
      if (!answer.ok) return;
      said = await answer.json();
    } catch {
      return;
    }
    // Somebody else sits here now: nothing of the person before may stay on the screen.
    if (said.account !== document.body.dataset.account) return location.reload();
    over = false;
    correct(said.server_now);
    take(said.csrf);
    const left = Date.parse(said.expires_at) - serverNow();
    clearTimeout(timer);
    if (left > WARN_BEFORE) {
      dialog.close();
      timer = setTimeout(look, Math.min(left - WARN_BEFORE, LONGEST));
    } else {
      timer = setTimeout(look, Math.max(left, 0) + 1000);
      ask();
    }
  }

  async function renewed() {
    await look();
    document.body.dispatchEvent(new CustomEvent("session-renewed"));
  }

  document.body.addEventListener("session-ended", ended);
  document.body.addEventListener("session-doubtful", look);
  document.body.addEventListener("signed-in", () => { dialog.close(); renewed(); others?.postMessage("renewed"); });
  others?.addEventListener("message", renewed);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  dialog.querySelector("[data-later]").addEventListener("click", () => dialog.close());
  document.getElementById("session-form").addEventListener("htmx:after:swap", waiting);
  document.body.addEventListener("htmx:after:request", (event) => { if (event.detail?.ctx?.response?.status === 403) look(); });
  // A form that is not htmx's would leave the page, and lose what was typed, for the entrance.
  document.addEventListener("submit", (event) => {
    if (!over || dialog.contains(event.target) || event.target.method !== "post") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    ask();
  }, true);
  timer = setTimeout(look, 5000);
}
