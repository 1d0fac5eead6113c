// Administration: long lists narrowed while typing, and a new secret copied. Without a script both are simply not offered.
const prepare = () => {
  for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
  document.getElementById("refusal")?.focus();
};

document.body.addEventListener("input", (event) => {
  const field = event.target.closest?.("[data-narrows]");
  if (!field) return;
  const wanted = field.value.trim().toLowerCase();
  for (const row of document.querySelectorAll(`${field.dataset.narrows} > tr`)) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});

document.body.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copies]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copies).textContent);
    button.textContent = button.dataset.copied;
  } catch {
    getSelection().selectAllChildren(document.querySelector(button.dataset.copies)); // not allowed: at least it is marked
  }
});

document.body.addEventListener("htmx:after:swap", prepare);
prepare();
