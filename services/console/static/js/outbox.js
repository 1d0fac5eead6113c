// The outbox: a form goes into the phone's own database first and leaves it only when the server has given a receipt.
// Sending again is harmless, because every form carries its key. Kept 24 hours at most, and for its writer alone.
const LIFE = 24 * 3600 * 1000, TIMEOUT = 20000, SOONEST = 2000, LATEST = 60000;
const NAME = "shouwang-outbox", ENTRIES = "entries";
const place = document.getElementById("outbox");
const account = document.body.dataset.account;
const delivered = [];
let database = null, pause = SOONEST, timer = 0, busy = false, again = false;

// The database -------------------------------------------------------------------------------------------------------

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(ENTRIES, { keyPath: "key" });
  return settled(request);
}

const entries = (mode = "readonly") => database.transaction(ENTRIES, mode).objectStore(ENTRIES);
const put = (entry) => settled(entries("readwrite").put(entry));
const remove = (key) => settled(entries("readwrite").delete(key));
const own = async () => (await settled(entries().getAll())).filter((one) => one.account === account).sort((a, b) => a.at - b.at);

async function forgetOld() {
  const old = (await settled(entries().getAll())).filter((one) => Date.now() - one.at > LIFE);
  for (const one of old) await remove(one.key);
  if (old.some((one) => one.account === account)) delivered.push({ state: "failed", text: place.dataset.expired });
}

// What is shown --------------------------------------------------------------------------------------------------------

function line(state, text, ...rest) {
  const shown = document.createElement("p");
  shown.dataset.state = state;
  const label = document.createElement("span");
  label.textContent = text;
  shown.append(label, ...rest);
  return shown;
}

function press(word, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word;
  button.addEventListener("click", act);
  return button;
}

async function show() {
  const words = place.dataset, waiting = await own();
  const lines = waiting.map((one) => {
    const text = `${one.title}：${words[one.state]}${one.message ? `（${one.message}）` : ""}`;
    if (one.state === "sending") return line(one.state, text);
    const retry = press(words.retry, async () => { await put({ ...one, state: "waiting", message: "" }); send(); });
    const discard = press(words.discard, async () => { await remove(one.key); show(); });
    return one.state === "failed" ? line(one.state, text, retry, discard) : line(one.state, text, retry);
  });
  for (const one of delivered) {
    const onward = document.createElement("a");
    if (one.address) Object.assign(onward, { href: one.address, textContent: words.onward, className: "button" });
    lines.push(one.address ? line(one.state, one.text, onward) : line(one.state, one.text));
  }
  place.replaceChildren(...lines);
  place.hidden = lines.length === 0;
  const empty = document.getElementById("outbox-empty");
  if (empty) empty.hidden = waiting.length > 0;
  for (const form of document.querySelectorAll("form[data-outbox]")) {
    const held = waiting.find((one) => one.key === form.elements.key.value);
    form.hidden = Boolean(held && held.state !== "failed") || form.dataset.done === "1";
  }
}

// Sending --------------------------------------------------------------------------------------------------------------

const secret = () => document.querySelector('meta[name="csrf"]');

async function newSecret() {
  const page = new DOMParser().parseFromString(await (await fetch("/m/me")).text(), "text/html");
  const found = page.querySelector('meta[name="csrf"]');
  if (found && page.body.dataset.account === account) secret().content = found.content;
}

// One attempt. The state the entry is in afterwards; null when it was delivered and is gone.
async function attempt(entry) {
  const body = new URLSearchParams(entry.fields);
  body.set("csrf", secret().content);
  let answer, said;
  try {
    answer = await fetch(entry.address, { method: "POST", body, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT) });
    said = await answer.json().catch(() => null);
  } catch {
    return { state: "waiting", message: "" };
  }
  if (answer.ok && said?.receipt) {
    await remove(entry.key);
    delivered.push({ state: "sent", text: `${entry.title}：${place.dataset.sent} ${said.receipt}`, address: said.address });
    for (const form of document.querySelectorAll("form[data-outbox]")) if (form.elements.key.value === entry.key) form.dataset.done = "1";
    document.body.dispatchEvent(new CustomEvent("outbox-delivered"));
    return null;
  }
  if (answer.status === 401) return { state: "waiting", message: place.dataset.signedOut };
  if (answer.status === 403 && said?.code === "form_expired") { await newSecret().catch(() => {}); return { state: "waiting", message: "" }; }
  const later = answer.ok || answer.status >= 500 || answer.status === 408 || answer.status === 429;
  return { state: later ? "waiting" : "failed", message: [said?.title, ...(said?.details ?? [])].filter(Boolean).join("，") };
}

async function send() {
  again = true;
  if (busy) return;
  busy = true;
  clearTimeout(timer);
  let left = false;
  try {
    while (again) {
      again = left = false;
      for (const entry of await own()) {
        if (entry.state === "failed") continue;
        await put({ ...entry, state: "sending", message: "" });
        await show();
        const after = await attempt(entry);
        if (after) await put({ ...entry, ...after });
        left ||= after?.state === "waiting";
        await show();
      }
    }
  } finally {
    busy = false;
  }
  if (left) timer = setTimeout(send, pause);
  pause = left ? Math.min(pause * 2, LATEST) : SOONEST;
}

// Starting -------------------------------------------------------------------------------------------------------------

async function take(event) {
  const form = event.target;
  if (form.matches("[data-logout]")) {
    event.preventDefault();
    await settled(entries("readwrite").clear()).catch(() => {});
    form.submit();
    return;
  }
  if (!form.matches("[data-outbox]")) return;
  event.preventDefault();
  const fields = [...new FormData(form)].filter(([name]) => name !== "csrf").map(([name, value]) => [name, String(value)]);
  const entry = { key: form.elements.key.value, account, address: form.getAttribute("action"), title: form.dataset.outbox, fields, at: Date.now(), state: "waiting", message: "" };
  try {
    await put(entry);
  } catch {
    form.submit();
    return;
  }
  await show();
  place.focus();
  pause = SOONEST;
  send();
}

try {
  database = await open();
  await forgetOld();
  document.addEventListener("submit", take);
  addEventListener("online", send);
  await show();
  send();
} catch {
  // No database (private mode): the forms are sent as they are.
}
