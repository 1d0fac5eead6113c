// The live line as the page hears it: `changed` and `resync` become events on <body>, and parts of the page that name
// them in hx-trigger ask for themselves again. Without a shared worker the tab keeps a line of its own while it is seen.
const SOONEST = 1000, LATEST = 30000, SILENCE = 45000;
const dispatch = (name, detail) => document.body.dispatchEvent(new CustomEvent(name, { detail }));

function say(message) {
  if (message.ended) return dispatch("session-doubtful");
  if (message.resync) { dispatch("resync"); dispatch("resync-any"); return; }
  dispatch(`${message.changed.kind}-changed`, message.changed);
  if (message.changed.kind !== "arrival") dispatch("any-changed", message.changed);
}

function show(state) {
  const line = document.getElementById("line");
  if (!line || line.dataset.state === state) return;
  const before = line.dataset.state;
  line.dataset.state = state;
  const word = line.querySelector(".line-word");
  word.textContent = word.dataset[state];
  if (state === "live" && before === "offline") dispatch("resync");
}

function hear(message) {
  if (message.state) show(message.state);
  else say(message);
}

function own() {
  let source = null, last = null, pause = SOONEST, silence = null, due = null;
  const close = () => { clearTimeout(silence); clearTimeout(due); source?.close(); source = null; };
  const again = () => {
    close();
    show("offline");
    due = setTimeout(open, pause + Math.random() * pause);
    pause = Math.min(pause * 2, LATEST);
  };
  const heard = () => { clearTimeout(silence); silence = setTimeout(again, SILENCE); pause = SOONEST; show("live"); };
  function open() {
    if (document.hidden || source) return;
    clearTimeout(due);
    source = new EventSource(last === null ? "/ui/events" : `/ui/events?after=${last}`);
    for (const name of ["hello", "heartbeat"]) source.addEventListener(name, heard);
    source.addEventListener("changed", (event) => { heard(); last = event.lastEventId || last; say({ changed: JSON.parse(event.data) }); });
    source.addEventListener("resync", () => { heard(); say({ resync: true }); });
    source.addEventListener("ended", () => { again(); say({ ended: true }); });
    source.addEventListener("error", () => {
      show("offline");
      if (source?.readyState === EventSource.CLOSED) again();
    });
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  document.body.addEventListener("session-renewed", () => { if (!source || source.readyState !== EventSource.OPEN) { close(); pause = SOONEST; open(); } });
  open();
}

export function startLine() {
  if (!document.getElementById("line")) return;
  const address = document.body.dataset.worker;
  if (!("SharedWorker" in window)) return own();
  const worker = new SharedWorker(address, { name: `shouwang-line ${document.body.dataset.account ?? ""}` });
  worker.port.onmessage = (event) => hear(event.data);
  worker.port.start();
  document.body.addEventListener("session-renewed", () => worker.port.postMessage("renewed"));
  window.addEventListener("pagehide", () => worker.port.postMessage("bye"));
}
