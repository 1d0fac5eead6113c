// A case's pages: what somebody writes is kept in this tab until it was sent; what was shown hides itself again.
import "./referral.js";

function remask(root) {
  for (const place of root.querySelectorAll("[data-remask]:not([data-until])")) {
    place.dataset.until = "set";
    setTimeout(() => {
      place.textContent = "••••";
      place.classList.remove("shown-text");
    }, Number(place.dataset.remask) * 1000);
  }
}

// A page taken out of the browser's memory shows what was hidden long ago: it is asked for anew.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.body.addEventListener("htmx:after:swap", () => remask(document));
remask(document);
