// When an answer does not come: nothing on the page changes, a bar says so, and the same request can be sent again.
// What renews itself in the background keeps its old content, says from when it is, and tries until it is answered.
import { serverNow } from "./clocks.js";

const AGAIN = 3000;
const stale = new Map();
const told = new WeakMap();
let opened = 0;

const background = (element) => element?.matches?.("[data-background]");
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit" });

function note(element) {
  const line = document.createElement("p");
  line.className = "stale";
  line.setAttribute("role", "status");
  line.textContent = document.getElementById("undelivered").dataset.stale.replace("{time}", clock.format(told.get(element) ?? opened));
  return line;
}

function fail(element) {
  let held = stale.get(element);
  if (!held) {
    held = { line: note(element), timer: 0 };
    stale.set(element, held);
    element.before(held.line);
  }
  clearTimeout(held.timer);
  if (element.hasAttribute("hx-get")) held.timer = setTimeout(() => again(element), AGAIN + Math.random() * AGAIN);
}

function again(element) {
  if (!element.isConnected) return recover(element);
  window.htmx.ajax("GET", element.getAttribute("hx-get"), { source: element, target: element, swap: element.getAttribute("hx-swap") ?? "innerHTML" });
}

function recover(element) {
  told.set(element, serverNow());
  const held = stale.get(element);
  if (!held) return;
  clearTimeout(held.timer);
  held.line.remove();
  stale.delete(element);
}

// What a person opened or wrote stays when the part around it renews itself.
function theirs(element, attribute) {
  if (!element.closest("[data-background]")) return false;
  if (element instanceof HTMLDetailsElement) return attribute === "open";
  return element instanceof HTMLInputElement && attribute === "value" && element.type !== "hidden" && element.value !== element.defaultValue;
}

export function startTroubles() {
  window.htmx.registerExtension("keep-theirs", { htmx_before_morph_attr: (element, detail) => !theirs(element, detail.attrName) });
  const bar = document.getElementById("undelivered");
  let waiting = null, submitter = null;
  opened = serverNow();
  document.body.addEventListener("htmx:error", (event) => {
    const ctx = event.detail?.ctx, element = ctx?.sourceElement;
    if (!element || document.getElementById("session-dialog").contains(element)) return;
    if (background(element)) return fail(element);
    waiting = element;
    submitter = ctx.request?.submitter ?? null;
    bar.hidden = false;
  });
  document.body.addEventListener("htmx:before:response", (event) => {
    const ctx = event.detail?.ctx;
    if (!background(ctx?.sourceElement) || ctx.response.status < 400) return;
    event.preventDefault();
    fail(ctx.sourceElement);
  });
  document.body.addEventListener("htmx:after:request", (event) => {
    const ctx = event.detail?.ctx, status = ctx?.response?.status ?? 0;
    if (background(ctx?.sourceElement)) {
      if (status && status < 400) recover(ctx.sourceElement);
      return;
    }
    if (status) bar.hidden = true;
    if (status && status < 400) document.getElementById("trouble").replaceChildren();
  });
  bar.querySelector("[data-retry]").addEventListener("click", () => {
    bar.hidden = true;
    if (waiting instanceof HTMLFormElement) waiting.requestSubmit(submitter?.form === waiting ? submitter : undefined);
    else waiting?.click();
  });
  // A form sent twice is harmless (it carries its own key), but a second press should not look like a new act.
  document.body.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || button.hasAttribute("data-free")) return;
    const again = () => { button.disabled = false; };
    setTimeout(() => { button.disabled = true; }, 0);
    setTimeout(again, 20000);
    document.body.addEventListener("htmx:finally:request", again, { once: true });
    document.body.addEventListener("htmx:error", again, { once: true });
  });
}
