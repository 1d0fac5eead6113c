// Where the child is: a village or group found by its name, by any letters of its pinyin, or by their first letters.
export function startPlace(report) {
  const field = document.getElementById("place-text");
  const list = document.getElementById("place-list");
  const value = report.elements.place;
  const options = [...list.children];
  let at = -1;

  const seen = () => options.filter((option) => !option.hidden);
  const word = () => options.find((option) => option.dataset.value === value.value)?.textContent ?? "";
  const close = () => { list.hidden = true; field.setAttribute("aria-expanded", "false"); field.removeAttribute("aria-activedescendant"); at = -1; };

  function look() {
    const asked = field.value.normalize("NFKC").toLowerCase().replaceAll(" ", "");
    for (const option of options) {
      const [first, whole] = option.dataset.letters.split(" ");
      option.hidden = !(asked === "" || option.textContent.toLowerCase().replaceAll(" ", "").includes(asked) || first.startsWith(asked) || (whole ?? "").startsWith(asked));
    }
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    move(asked ? 0 : -1);
  }

  function move(to) {
    const found = seen();
    at = found.length === 0 ? -1 : Math.min(Math.max(to, -1), found.length - 1);
    for (const option of options) option.setAttribute("aria-selected", String(option === found[at]));
    if (at < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", found[at].id);
    found[at].scrollIntoView({ block: "nearest" });
  }

  function choose(option) {
    value.value = option?.dataset.value ?? "";
    field.value = word();
    close();
    value.dispatchEvent(new Event("change", { bubbles: true }));
  }

  field.value = word();
  field.addEventListener("input", (event) => { if (!event.isComposing) look(); });
  field.addEventListener("compositionend", look);
  field.addEventListener("focus", () => field.select());
  field.addEventListener("blur", () => setTimeout(() => {
    if (field.value.trim() === "" && value.value) choose(null);
    else field.value = word();
    close();
  }, 120));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "ArrowDown") { event.preventDefault(); if (list.hidden) look(); move(at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); move(at - 1); }
    else if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); close(); }
    else if ((event.key === "Enter" || event.key === "Tab") && !list.hidden && at >= 0) { choose(seen()[at]); }
  });
  list.addEventListener("mousedown", (event) => { event.preventDefault(); const option = event.target.closest("[role=option]"); if (option) choose(option); });
}
