// Copying a trace id. Plain-HTTP intranets have no clipboard for scripts: the text is then selected, ready for Ctrl+C.
async function copied(place) {
  try {
    await navigator.clipboard.writeText(place.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(place);
    return document.execCommand("copy");
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const place = button && document.getElementById(button.dataset.copy);
  if (!place || !(await copied(place))) return;
  button.querySelector("span").textContent = button.dataset.copied;
});

const show = () => document.querySelectorAll("[data-copy][hidden]").forEach((button) => { button.hidden = false; });
document.addEventListener("htmx:after:swap", show);
show();
