// The village's pages beyond plain forms: running clocks, a list that renews itself while it is looked at, and one press
// at a time. Sending is the outbox's.
import { startClocks } from "./clocks.js";

const EVERY = 60000;
startClocks();

const list = document.querySelector("[data-refresh]");
let renewed = Date.now();

async function renew() {
  if (!list || document.visibilityState !== "visible" || list.contains(document.activeElement)) return;
  renewed = Date.now();
  try {
    const answer = await fetch(list.dataset.refresh, { headers: { "HX-Request": "true", Accept: "text/html" }, signal: AbortSignal.timeout(20000) });
    if (!answer.ok) throw new Error(String(answer.status));
    list.innerHTML = await answer.text();
  } catch {
    const line = document.getElementById("as-of");
    if (line && !line.dataset.stale) { line.dataset.stale = "1"; line.append(` · ${list.dataset.stale}`); }
  }
}

if (list) {
  setInterval(renew, EVERY);
  document.addEventListener("visibilitychange", () => { if (Date.now() - renewed >= EVERY) renew(); });
  document.body.addEventListener("outbox-delivered", renew);
}
