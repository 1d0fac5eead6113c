// Charts are drawn from the tables beside them, so both always say the same. SVG, no colour as the only carrier.
const COLOURS = { red: "#b42318", orange: "#b54708", yellow: "#b58900", blue: "#0958d9" };
const PATTERNS = { red: "rect", orange: "triangle", yellow: "circle", blue: "diamond" };

function rows(id) {
  return [...document.querySelectorAll(`#${id}-table tbody tr`)].map((row) => ({ ...row.dataset, word: row.children[1]?.textContent }));
}

const base = { animation: false, aria: { enabled: true, decal: { show: true } }, tooltip: { renderMode: "richText", trigger: "axis" }, grid: { left: 48, right: 16, top: 32, bottom: 28 } };

function trend() {
  const found = rows("trend");
  const buckets = [...new Set(found.map((row) => row.bucket))];
  const levels = Object.keys(COLOURS).filter((level) => found.some((row) => row.level === level));
  const series = levels.map((level) => ({
    name: found.find((row) => row.level === level).word, type: "bar", stack: "all", itemStyle: { color: COLOURS[level] }, symbol: PATTERNS[level],
    data: buckets.map((bucket) => Number(found.find((row) => row.bucket === bucket && row.level === level)?.n ?? 0)),
  }));
  return { ...base, legend: { top: 0 }, xAxis: { type: "category", data: buckets }, yAxis: { type: "value", minInterval: 1 }, series };
}

function bars(id, horizontal) {
  const found = rows(id).filter((row) => row.n !== "");
  const names = { type: "category", data: found.map((row) => row.bucket), inverse: horizontal };
  const values = { type: "value", minInterval: 1 };
  const series = [{ type: "bar", itemStyle: { color: "#0958d9" }, label: { show: true, position: horizontal ? "right" : "top" }, data: found.map((row) => Number(row.n)) }];
  return { ...base, grid: { ...base.grid, left: horizontal ? 84 : 48, right: 40 }, xAxis: horizontal ? values : names, yAxis: horizontal ? names : values, series };
}

const OPTIONS = { trend, distribution: () => bars("distribution", false), waterfall: () => bars("waterfall", true) };

function draw() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const chart = window.echarts.getInstanceByDom(place) ?? window.echarts.init(place, null, { renderer: "svg" });
    chart.setOption(OPTIONS[place.dataset.chart](), true);
    new ResizeObserver(() => chart.resize()).observe(place);
  }
}

if (window.echarts) draw();
else window.addEventListener("load", draw);

// "Hold": the numbers stand still while somebody reads them out.
const hold = document.getElementById("hold");
let held = false;
hold?.addEventListener("click", () => {
  held = !held;
  hold.setAttribute("aria-pressed", String(held));
  hold.textContent = held ? hold.dataset.on : hold.dataset.off;
});
document.body.addEventListener("htmx:config:request", (event) => {
  if (held && event.detail?.ctx?.sourceElement?.closest("[data-background]")) event.preventDefault();
});
