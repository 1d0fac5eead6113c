// A referral's page: what somebody is writing is kept in this tab until it was sent, through reloads and restarts.
function mark(form) {
  return `draft-${form.dataset.keep}`;
}

function restore() {
  for (const form of document.querySelectorAll("form[data-keep]")) {
    const kept = JSON.parse(sessionStorage.getItem(mark(form)) ?? "null");
    if (!kept) continue;
    for (const [name, value] of Object.entries(kept)) {
      const field = form.elements.namedItem(name);
      if (field && "value" in field && !field.value) field.value = value;
    }
  }
}

document.body.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-keep]");
  if (!form) return;
  const values = {};
  for (const field of form.elements) if (field.name && !["hidden", "radio", "checkbox"].includes(field.type) && field.tagName !== "BUTTON") values[field.name] = field.value;
  sessionStorage.setItem(mark(form), JSON.stringify(values));
});

document.body.addEventListener("htmx:after:request", (event) => {
  const form = event.detail?.ctx?.sourceElement;
  if (form?.matches?.("form[data-keep]") && (event.detail.ctx.response?.status ?? 500) === 204) sessionStorage.removeItem(mark(form));
});
document.body.addEventListener("htmx:after:swap", () => {
  restore();
  document.getElementById("refusal")?.focus();
});
restore();
