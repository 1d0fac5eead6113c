// Panels over the desk: they are asked for when opened, and their forms answer into them.
const panel = () => document.getElementById("panel");

export async function openPanel(button) {
  const dialog = panel();
  const reply = await fetch(button.dataset.panel, { headers: { "HX-Request": "true", Accept: "text/html" } });
  if (reply.status === 401) return document.body.dispatchEvent(new CustomEvent("session-ended"));
  if (!reply.ok) return;
  const body = document.getElementById("panel-body");
  body.innerHTML = await reply.text();
  window.htmx.process(body);
  for (const field of body.querySelectorAll("[data-from]")) field.value = document.getElementById("report").elements[field.dataset.from].value;
  if (!dialog.open) dialog.showModal();
  body.querySelector("form :is(input:not([type=hidden]), select, textarea, button)")?.focus();
}

export function startPanels() {
  document.body.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-panel]");
    if (opener) openPanel(opener);
    if (event.target.closest("[data-close]")) panel().close();
  });
  // A digit chooses the kind; it is sent only by Ctrl+Enter or the button.
  panel().addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.altKey) return;
    if (event.target.matches("textarea, input:not([type=radio]), select")) return;
    const chosen = panel().querySelector(`[data-digits] [data-digit="${event.key}"]`);
    if (!chosen) return;
    event.preventDefault();
    chosen.checked = true;
    chosen.focus();
  });
}
