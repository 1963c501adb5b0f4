// Draws what stands in data-chart (chart.go) with uPlot: once when it comes
// into the page, and anew when the numbers or the colours change.

const charts = new Map(); // from element to {plot, chart, text, seen}
const tones = getComputedStyle(document.documentElement);
const dashes = { dash: [6, 3], dot: [2, 3] };

function colour(tone) {
  return tones.getPropertyValue("--" + tone).trim() || tones.getPropertyValue("--ink").trim();
}

function clear(tone, share) {
  return `color-mix(in srgb, ${colour(tone)} ${share}%, transparent)`;
}

// The units, as internal/present says them.
const units = {
  share: (x) => (x === 0 ? "0%" : x < 0.001 ? (100 * x).toPrecision(2) + "%" : +(100 * x).toPrecision(3) + "%"),
  seconds: (x) => (x === 0 ? "0" : x >= 1 ? +x.toPrecision(3) + "s" : x >= 1e-3 ? +(1e3 * x).toPrecision(3) + "ms" : +(1e6 * x).toPrecision(3) + "µs"),
  rate: (x) => (+x.toPrecision(3)).toLocaleString("en") + "/s",
  count: (x) => (+x.toPrecision(4)).toLocaleString("en"),
  power: (x, chart) => {
    const ratio = Math.pow(chart.base > 1.000001 ? chart.base : 1.5, x);
    return (Math.abs(x) >= 3 ? (x > 0 ? "≥ " : "≤ ") : "") + "×" + (ratio >= 100 ? ratio.toFixed(0) : ratio.toFixed(2));
  },
};

function said(chart, unit, x) {
  return x == null ? "–" : units[unit](x, chart);
}

function clock(seconds) {
  return new Date(1000 * seconds).toISOString().slice(11, 19);
}

function size(element, chart) {
  return { width: Math.max(element.clientWidth, 120), height: chart.height ?? 180 };
}

function axes(chart) {
  const look = { stroke: colour("muted"), font: "11px system-ui, sans-serif", grid: { stroke: clear("rule", 70), width: 1 }, ticks: { show: false } };
  const x = { ...look, size: 24, space: 90, grid: { show: false } };
  if (chart.time) x.values = (_, splits) => splits.map((s) => clock(s).slice(0, splits.length > 1 && splits[1] - splits[0] < 60 ? 8 : 5));
  else x.values = (_, splits) => splits.map((s) => (s == null ? "" : said(chart, chart.xunit ?? "count", s)));
  if (chart.log) x.filter = (_, splits) => splits.map((s) => ([1, 2, 5].includes(Math.round(s / 10 ** Math.floor(Math.log10(s) + 1e-9))) ? s : null));
  const y = { ...look, size: 56, values: (_, splits) => splits.map((s) => said(chart, chart.unit, s)) };
  if (chart.unit === "power") y.splits = () => [-2, -1, 0, 1, 2];
  return [x, y];
}

function options(element, chart) {
  return {
    ...size(element, chart),
    tzDate: (stamp) => uPlot.tzDate(new Date(1000 * stamp), "UTC"),
    padding: [14, 28, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: false, y: false }, y: false },
    legend: { live: true },
    scales: {
      x: { time: !!chart.time, distr: chart.log ? 3 : 1 },
      y: chart.range ? { range: () => chart.range } : { range: (_, low, high) => reach(chart, low, high) },
    },
    axes: axes(chart),
    series: [
      { label: chart.time ? "UTC" : "up to", value: (_, x) => (x == null ? "–" : chart.time ? clock(x) : said(chart, chart.xunit ?? "count", x)) },
      ...chart.series.map((s) => ({
        label: s.label,
        class: s.edge ? "edge" : undefined,
        stroke: s.edge ? "transparent" : colour(s.tone),
        width: s.thin ? 1 : 2,
        dash: dashes[s.dash],
        points: { show: false },
        spanGaps: false,
        paths: s.steps ? uPlot.paths.stepped({ align: s.steps === "after" ? 1 : -1 }) : undefined,
        value: (_, x) => said(chart, chart.unit, x),
      })),
    ],
    bands: (chart.bands ?? []).map((b) => ({ series: [b.high + 1, b.low + 1], fill: clear(b.tone, 22) })),
    hooks: {
      ready: [(u) => tellLast(u)],
      setCursor: [(u) => { if (u.cursor.idx == null) tellLast(u); }],
      draw: [(u) => drawLimits(u, charts.get(element)?.chart ?? chart), (u) => drawMarks(u, charts.get(element)?.chart ?? chart)],
    },
  };
}

// tellLast has the legend say the newest values while nobody points at others.
function tellLast(u) {
  if (u.scales.x.time) u.setLegend({ idx: u.data[0].length - 1 });
}

// reach keeps zero in sight and limits within.
function reach(chart, low, high) {
  for (const l of chart.limits ?? []) high = Math.max(high ?? 0, l.at);
  return [0, high > 0 ? 1.08 * high : chart.unit === "share" ? 0.01 : 1];
}

function drawLimits(u, chart) {
  const { ctx } = u;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  for (const l of chart.limits ?? []) {
    const y = Math.round(u.valToPos(l.at, "y", true)) + 0.5;
    if (y < u.bbox.top - 1 || y > u.bbox.top + u.bbox.height + 1) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(l.tone);
    ctx.lineWidth = devicePixelRatio * (l.tone === "ink" ? 1.5 : 1);
    ctx.setLineDash(l.tone === "ink" ? [] : [3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(u.bbox.left, y);
    ctx.lineTo(u.bbox.left + u.bbox.width, y);
    ctx.stroke();
    const [left, base] = [u.bbox.left + u.bbox.width - 4 * devicePixelRatio, y - 4 * devicePixelRatio];
    ctx.setLineDash([]);
    ctx.strokeStyle = colour("card");
    ctx.lineWidth = 3 * devicePixelRatio;
    ctx.strokeText(l.label, left, base);
    ctx.fillText(l.label, left, base);
  }
  ctx.restore();
}

function drawMarks(u, chart) {
  const { ctx } = u;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  let free = -Infinity; // where the next symbol has room
  for (const m of chart.marks ?? []) {
    const x = Math.round(u.valToPos(m.at, "x", true)) + 0.5;
    if (x < u.bbox.left - 1 || x > u.bbox.left + u.bbox.width + 1) continue;
    ctx.setLineDash([]);
    ctx.strokeStyle = clear(m.tone, 55);
    ctx.fillStyle = colour(m.tone);
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, u.bbox.top);
    ctx.lineTo(x, u.bbox.top + u.bbox.height);
    ctx.stroke();
    if (x < free) continue;
    ctx.fillText(m.symbol, x, u.bbox.top - 4 * devicePixelRatio);
    free = x + 14 * devicePixelRatio;
  }
  ctx.restore();
}

// look is a chart but for its numbers. A plot that looks otherwise than before, as
// a signal that turned bad does, is made anew.
function look({ x, marks, ...chart }) {
  return JSON.stringify({ ...chart, series: chart.series.map(({ values, ...line }) => line) });
}

// lay lays a chart over the timeline of its panel.
function lay(chart, { from, x, marks }) {
  Object.assign(chart, { time: true, x: x.map((since) => from + since), marks });
}

function draw(element) {
  const over = element.closest("[data-timeline]")?.dataset.timeline;
  const text = element.dataset.chart + over;
  const known = charts.get(element);
  if (known?.text === text || known?.seen === false) return;
  const chart = JSON.parse(element.dataset.chart);
  if (over) lay(chart, JSON.parse(over));
  const data = [chart.x, ...chart.series.map((s) => s.values)];
  if (known && look(known.chart) === look(chart)) {
    known.text = text;
    known.chart = chart;
    known.plot.setData(data);
    if (known.plot.cursor.idx == null) tellLast(known.plot);
    return;
  }
  known?.plot.destroy();
  const entry = { text, chart, seen: known?.seen };
  charts.set(element, entry);
  entry.plot = new uPlot(options(element, chart), data, element);
  sizes.observe(element);
  sights.observe(element);
}

function forget(element) {
  charts.get(element).plot.destroy();
  sizes.unobserve(element);
  sights.unobserve(element);
  charts.delete(element);
}

// A plot that nobody sees follows when somebody scrolls to it.
const sights = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const known = charts.get(target);
    if (!known) continue;
    known.seen = isIntersecting;
    if (isIntersecting) draw(target);
  }
}, { rootMargin: "100px" });

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const known = charts.get(target);
    if (!known) continue;
    const next = size(target, known.chart);
    if (next.width !== known.plot.width) known.plot.setSize(next);
  }
});

function drawAll() {
  for (const element of charts.keys()) if (!element.isConnected) forget(element);
  for (const element of document.querySelectorAll("[data-chart]")) draw(element);
}

// The children of a plot are uPlot's, not the server's.
htmx.registerExtension("charts", {
  htmx_after_swap: drawAll,
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const element of charts.keys()) forget(element);
  drawAll();
});

// Paper shows them all.
addEventListener("beforeprint", () => {
  for (const known of charts.values()) known.seen = true;
  drawAll();
});

// The page is to be seen before its plots are drawn.
requestAnimationFrame(() => setTimeout(drawAll));
