// The wallboard makes itself anew when something changed, at most every ten seconds; lost contact is said in big type.
import { startClocks } from "./clocks.js";
import { startLine } from "./live.js";

startClocks();
startLine();
let due = null;
const again = () => { due ??= setTimeout(() => location.reload(), 10000); };
for (const name of ["any-changed", "resync"]) document.body.addEventListener(name, again);
setInterval(() => {
  document.getElementById("lost").hidden = document.getElementById("line").dataset.state !== "offline";
}, 1000);
setTimeout(() => { if (document.getElementById("line").dataset.state === "live") location.reload(); }, 300000);
