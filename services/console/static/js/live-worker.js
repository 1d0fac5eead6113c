// One live line per browser, shared by all its tabs. Native reconnecting ends for good after one refused answer (a proxy
// during a restart), so the line is then made anew here, with growing pauses, from the last id seen.
const SOONEST = 1000, LATEST = 30000, SILENCE = 45000, JUST_NOW = 5000;
const ports = new Set();
let source = null, last = null, pause = SOONEST, silence = null, due = null, state = "connecting", recent = [];

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function become(next) {
  if (state !== next) { state = next; tell({ state }); }
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(() => { become("offline"); again(); }, SILENCE);
  pause = SOONEST;
  become("live");
}

function again() {
  source?.close();
  source = null;
  clearTimeout(silence);
  clearTimeout(due);
  due = setTimeout(open, pause + Math.random() * pause);
  pause = Math.min(pause * 2, LATEST);
}

function changed(event) {
  heard();
  last = event.lastEventId || last;
  const message = { changed: JSON.parse(event.data) };
  const now = Date.now();
  recent = [...recent.filter((one) => now - one.at < JUST_NOW), { at: now, message }];
  tell(message);
}

function open() {
  if (source) return;
  clearTimeout(due);
  source = new EventSource(last === null ? "/ui/events" : `/ui/events?after=${last}`);
  for (const name of ["hello", "heartbeat"]) source.addEventListener(name, heard);
  source.addEventListener("changed", changed);
  source.addEventListener("resync", () => { heard(); tell({ resync: true }); });
  // The session behind the line is over; the pages find out whether there is a new one.
  source.addEventListener("ended", () => { become("offline"); again(); tell({ ended: true }); });
  source.addEventListener("error", () => {
    become("offline");
    if (source?.readyState === EventSource.CLOSED) again();
  });
}

self.onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => {
    if (message.data === "bye") ports.delete(port);
    if (message.data === "renewed" && state !== "live") { source?.close(); source = null; pause = SOONEST; open(); }
  };
  port.postMessage({ state });
  // What changed while this page was on its way is told to it too.
  for (const one of recent) if (Date.now() - one.at < JUST_NOW) port.postMessage(one.message);
  open();
};
