// SPDX-License-Identifier: BSD-3-Clause
// The two charts, by Chart.js. No animation: a page that is looked at for eight hours keeps still. Colours are those of
// the page, and change with them.

import { colour, onTheme } from "./theme.js";
import { age, PRIORITIES, rate, short } from "./format.js";

/* global Chart */

export const DISPOSITIONS = ["forward", "agents", "reply", "drop", "police", "shed", "malformed", "exception", "fragment", "agents_full", "tx_full"];
const SPAN_S = 300;

function basics() {
  Chart.defaults.animation = false;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.maintainAspectRatio = false;
}

const grid = () => ({ color: colour("--line"), borderColor: colour("--line"), tickColor: colour("--line") });
const ticks = (callback, more) => ({ color: colour("--muted"), callback, maxRotation: 0, ...more });

/** Frames a second, stacked by disposition, over the last five minutes. */
export class RatesChart {
  constructor(canvas) {
    basics();
    this.chart = new Chart(canvas, {
      type: "line",
      data: { datasets: DISPOSITIONS.map((name) => ({ label: name, data: [], fill: "stack", borderWidth: 1, pointRadius: 0, spanGaps: false, tension: 0 })) },
      options: {
        parsing: false, normalized: true, interaction: { mode: "index", intersect: false },
        plugins: {
          legend: { display: false },
          tooltip: {
            filter: (item) => item.parsed.y > 0,
            itemSort: (a, b) => b.datasetIndex - a.datasetIndex,
            callbacks: { title: ([item]) => (item ? (item.parsed.x > -1 ? "now" : `${age(-item.parsed.x)} ago`) : ""), label: (item) => ` ${item.dataset.label} ${rate(item.parsed.y)} a second` },
          },
        },
        scales: {
          x: { type: "linear", min: -SPAN_S, max: 0 },
          y: { stacked: true, beginAtZero: true, suggestedMax: 10 },
        },
      },
    });
    onTheme(() => this.paint());
    this.paint();
  }

  paint() {
    const { options, data } = this.chart;
    options.scales.x.grid = { ...grid(), display: false };
    options.scales.x.ticks = ticks((value) => (value === 0 ? "now" : `\u2212${-value / 60} min`), { stepSize: 60, includeBounds: true });
    options.scales.y.grid = grid();
    options.scales.y.ticks = ticks((value) => (Number.isInteger(value) ? short(value) : ""), { maxTicksLimit: 6 });
    for (const dataset of data.datasets) {
      const line = colour(`--d-${dataset.label}`);
      dataset.borderColor = line;
      dataset.backgroundColor = line.replace("rgb(", "rgba(").replace(")", ", 0.28)");
    }
    this.chart.update("none");
  }

  /** history: { at: [ms], dispositions: { name: [rate or null] } }; now: ms. */
  show(history, now) {
    for (const dataset of this.chart.data.datasets) {
      const rates = history.dispositions[dataset.label];
      dataset.hidden = !rates.some((rate) => rate > 0);
      dataset.data = history.at.map((at, i) => ({ x: (at - now) / 1000, y: rates[i] }));
    }
    this.chart.update("none");
  }
}

// Writes the values beside the bars.
const values = {
  id: "values",
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    ctx.save();
    ctx.font = `600 12px ${Chart.defaults.font.family}`;
    ctx.fillStyle = colour("--text");
    ctx.textBaseline = "middle";
    chart.getDatasetMeta(0).data.forEach((bar, i) => ctx.fillText(rate(chart.data.datasets[0].data[i]), bar.x + 6, bar.y));
    ctx.restore();
  },
};

/** Messages a second, by priority. */
export class PrioritiesChart {
  constructor(canvas) {
    this.chart = new Chart(canvas, {
      type: "bar",
      plugins: [values],
      data: { labels: PRIORITIES, datasets: [{ data: [0, 0, 0, 0], borderRadius: 3, barPercentage: 0.7 }] },
      options: {
        indexAxis: "y", layout: { padding: { right: 56 } },
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: { x: { beginAtZero: true, suggestedMax: 1, display: false }, y: {} },
      },
    });
    this.canvas = canvas;
    onTheme(() => this.paint());
    this.paint();
  }

  paint() {
    const { y } = this.chart.options.scales;
    y.grid = { display: false, drawBorder: false };
    y.ticks = { color: colour("--text") };
    this.chart.data.datasets[0].backgroundColor = PRIORITIES.map((name) => colour(`--p-${name}`));
    this.chart.update("none");
  }

  show(rates) {
    this.chart.data.datasets[0].data = PRIORITIES.map((name) => rates[name]);
    this.canvas.setAttribute("aria-label", `Messages a second by priority: ${PRIORITIES.map((name) => `${name} ${rate(rates[name])}`).join(", ")}`);
    this.chart.update("none");
  }
}
