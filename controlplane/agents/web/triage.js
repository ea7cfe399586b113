// SPDX-License-Identifier: BSD-3-Clause
// The triage picture, for operators: what the gateway does now and did in the last minutes (/v1/picture), and how the
// agent queues stand.

import { DISPOSITIONS, PrioritiesChart, RatesChart } from "./charts.js";
import { byId, h, KeyedList, setText } from "./html.js";
import { age, number, percent, PRIORITIES, rate } from "./format.js";
import { priorityBar, priorityWords } from "./queues.js";

const PICTURE_MS = 1000;
const QUEUES_MS = 2000;
const KEPT = 300;
const NOW_S = 5; // "now" is the mean of so many samples
const MINUTE_MS = 60000;

const known = (rates) => rates.filter((value) => value !== null);

function mean(rates) {
  const last = known(rates.slice(-NOW_S));
  return last.length ? last.reduce((sum, value) => sum + value, 0) / last.length : 0;
}

/** The samples of the last minutes, put together from answers that each have those since the one before. */
class History {
  constructor() {
    this.clear();
  }

  clear() {
    this.last = 0; // number of the newest sample
    this.at = [];
    this.rx = [];
    this.dispositions = Object.fromEntries(DISPOSITIONS.map((name) => [name, []]));
    this.priorities = Object.fromEntries(PRIORITIES.map((name) => [name, []]));
  }

  add({ first, rates }) {
    if (first !== this.last + 1) {
      this.clear();
      this.last = first - 1;
    }
    this.last += rates.at_ms.length;
    this.at = [...this.at, ...rates.at_ms].slice(-KEPT);
    this.rx = [...this.rx, ...rates.rx].slice(-KEPT);
    for (const kind of ["dispositions", "priorities"]) {
      for (const [name, column] of Object.entries(this[kind])) {
        this[kind][name] = [...column, ...rates[kind][name]].slice(-KEPT);
      }
    }
  }
}

/** How much a counter of each queue rose in the last minute. */
class Flow {
  constructor() {
    this.samples = [];
  }

  add(queues, now) {
    this.samples.push({ now, counts: new Map(queues.map(({ name, stored, acknowledged }) => [name, { stored, acknowledged }])) });
    while (this.samples.length > 2 && now - this.samples[1].now >= MINUTE_MS) {
      this.samples.shift();
    }
  }

  /** A minute, by what was since the first sample; null while that is too short a time. */
  of(queue, key) {
    const before = this.samples[0]?.counts.get(queue.name);
    const span = this.samples.at(-1).now - this.samples[0].now;
    return before && span >= 2 * QUEUES_MS ? Math.max(0, ((queue[key] - before[key]) * MINUTE_MS) / Math.max(span, MINUTE_MS)) : null;
  }
}

export class Triage {
  constructor(api) {
    this.api = api;
    this.history = new History();
    this.flow = new Flow();
    this.queues = [];
    this.tiles = new Map();
    this.tenants = new KeyedList(byId("tenants"), makeTenant);
    this.nowRows = new KeyedList(byId("now").tBodies[0], makeNow);
    this.bookRows = new KeyedList(byId("books").tBodies[0], makeBook);
    this.queueRows = new KeyedList(byId("all-queues").tBodies[0], makeQueue);
    byId("tiles").replaceChildren();
  }

  start() {
    this.pollPicture();
    this.pollQueues();
  }

  end() {
    this.isEnded = true;
    clearTimeout(this.pictureTimer);
    clearTimeout(this.queueTimer);
    this.rates?.chart.destroy();
    this.priorities?.chart.destroy();
  }

  /** Charts are made when they can be seen first: what is hidden has no size. */
  setShown(isShown) {
    this.isShown = isShown;
    if (isShown && !this.rates) {
      this.rates = new RatesChart(byId("rates"));
      this.priorities = new PrioritiesChart(byId("priorities"));
    }
    if (isShown && this.picture) {
      this.show();
    }
  }

  async pollPicture() {
    try {
      this.picture = await this.api.get(`/v1/picture?after=${this.history.last}`);
      this.history.add(this.picture);
      setText(byId("triage-error"), this.picture.connected ? "" : "No dataplane is connected: nothing is triaged through this control plane now.");
      if (this.isShown && !document.hidden) {
        this.show();
      }
    } catch (problem) {
      setText(byId("triage-error"), problem.message);
    }
    if (!this.isEnded) {
      this.pictureTimer = setTimeout(() => this.pollPicture(), PICTURE_MS);
    }
  }

  async pollQueues() {
    try {
      this.queues = (await this.api.get("/v1/queues")).queues;
      this.flow.add(this.queues, this.api.now());
      this.queueRows.show(this.queues.map((queue) => ({ ...queue, in: this.flow.of(queue, "stored"), out: this.flow.of(queue, "acknowledged") })),
        (queue) => queue.name);
    } catch {
      // the picture says so
    }
    if (!this.isEnded) {
      this.queueTimer = setTimeout(() => this.pollQueues(), QUEUES_MS);
    }
  }

  show() {
    const { history, picture } = this;
    const total = mean(history.rx);
    this.showTiles(total);
    this.nowRows.show(DISPOSITIONS.map((name) => ({ name, rate: mean(history.dispositions[name]), total })), ({ name }) => name);
    this.rates.show(history, history.at.at(-1));
    this.priorities.show(Object.fromEntries(PRIORITIES.map((name) => [name, mean(history.priorities[name])])));
    const busiest = picture.tenants.slice(0, 8);
    this.tenants.show(busiest.map((tenant) => ({ ...tenant, most: busiest[0].share })), ({ id }) => id);
    setText(byId("tenants-span"), busiest.length ? `share, last ${picture.tenants_ms < MINUTE_MS ? age(Math.max(1, picture.tenants_ms / 1000)) : "minute"}` : "none yet");
    this.showBooks(picture.books);
  }

  tile(name, value, note = "") {
    if (!this.tiles.has(name)) {
      const parts = { value: h("dd", { class: "value" }), note: h("dd", { class: "muted small" }) };
      byId("tiles").append(h("div", { class: "card tile" }, h("dt", { class: "muted" }, name), parts.value, parts.note));
      this.tiles.set(name, parts);
    }
    setText(this.tiles.get(name).value, value);
    setText(this.tiles.get(name).note, note);
  }

  showTiles(total) {
    const { picture, history, queues } = this;
    const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
    const oldest = queues.filter((queue) => queue.oldest_s !== null).sort((a, b) => b.oldest_s - a.oldest_s)[0];
    const peak = known(history.rx);
    this.tile("Frames a second", picture.connected ? rate(total) : "–", peak.length ? `at most ${rate(Math.max(...peak))}` : "");
    this.tile("For agents", picture.connected ? rate(mean(history.dispositions.agents)) : "–", total > 0 ? `a second, ${percent(mean(history.dispositions.agents) / total)}` : "");
    this.tile("Waiting", number(waiting), `${number(queues.reduce((sum, queue) => sum + queue.leased, 0))} in hand`);
    this.tile("Oldest waits", oldest ? age(oldest.oldest_s) : "–", oldest ? `in ${oldest.name}` : "nothing waits");
    this.tile("Generation", picture.generation === null ? "–" : number(picture.generation), "of rules");
    this.tile("Dataplane up", picture.connected ? age((this.api.now() - picture.started_ms) / 1000) : "no", picture.connected ? "" : "not connected");
  }

  showBooks(books) {
    const verdict = byId("books-verdict");
    if (!books) {
      this.bookRows.show([], ({ name }) => name);
      setText(verdict, "");
      setText(byId("books-zero"), "No dataplane is connected.");
      return;
    }
    const entries = Object.entries(books.dispositions);
    const sum = entries.reduce((all, [, count]) => all + count, 0);
    const rows = entries.filter(([, count]) => count > 0).map(([name, count], i) => ({ name, sign: i ? "+" : "=", count }));
    this.bookRows.show([{ name: "rx", sign: "", count: books.rx }, ...rows, { name: "sum", sign: "", count: sum, isSum: true }], ({ name }) => name);
    setText(verdict, sum === books.rx ? "balance" : `differ by ${number(Math.abs(sum - books.rx))}`);
    verdict.dataset.good = String(sum === books.rx);
    const zero = entries.filter(([, count]) => count === 0).map(([name]) => name);
    setText(byId("books-zero"), zero.length ? `none: ${zero.join(", ")}` : "");
  }
}

function makeTenant() {
  const name = h("span", { class: "name" });
  const share = h("span", { class: "n" });
  const fill = h("span", { class: "fill" });
  return {
    element: h("li", {}, h("div", {}, name, share), h("span", { class: "share-bar", "aria-hidden": "true" }, fill)),
    update(tenant) {
      setText(name, tenant.name ? `${tenant.name} (${tenant.id})` : `${tenant.id}`);
      setText(share, percent(tenant.share));
      fill.style.inlineSize = `${(100 * tenant.share) / tenant.most}%`;
    },
  };
}

function makeNow({ name }) {
  const value = h("td", { class: "n" });
  const share = h("td", { class: "n muted" });
  const element = h("tr", {}, h("th", { scope: "row" }, h("span", { class: `swatch d-${name}`, "aria-hidden": "true" }), name), value, share);
  return {
    element,
    update(row) {
      element.classList.toggle("none", row.rate === 0);
      setText(value, rate(row.rate));
      setText(share, row.total > 0 && row.rate > 0 ? percent(row.rate / row.total) : "");
    },
  };
}

function makeBook({ name, isSum }) {
  const sign = h("td", { class: "sign" });
  const count = h("td", { class: "n" });
  return {
    element: h("tr", { class: isSum ? "sum" : null }, sign, h("th", { scope: "row" }, name), count),
    update(row) {
      setText(sign, row.sign);
      setText(count, number(row.count));
    },
  };
}

function makeQueue({ name }) {
  const cells = Object.fromEntries(["waiting", "oldest", "leased", "agents", "in", "out", "dead"].map((key) => [key, h("td", { class: "n" })]));
  const bar = priorityBar();
  const words = h("span", { class: "small muted" });
  const alarm = h("span", { class: "alarm" });
  const routing = h("td", { class: "muted" });
  const element = h("tr", {}, h("th", { scope: "row" }, name, " ", alarm), cells.waiting, h("td", {}, bar.element, words), cells.oldest, cells.leased,
    cells.agents, cells.in, cells.out, cells.dead, routing);
  return {
    element,
    update(queue) {
      element.classList.toggle("alarmed", queue.alarm);
      setText(alarm, queue.alarm ? "waits too long" : "");
      bar.update(queue.waiting_by, queue.waiting);
      setText(words, queue.waiting ? priorityWords(queue.waiting_by) : "nothing waits");
      setText(cells.waiting, number(queue.waiting));
      setText(cells.oldest, queue.oldest_s === null ? "–" : age(queue.oldest_s));
      setText(cells.leased, number(queue.leased));
      setText(cells.agents, number(queue.agents));
      setText(cells.in, queue.in === null ? "…" : number(queue.in));
      setText(cells.out, queue.out === null ? "…" : number(queue.out));
      setText(cells.dead, number(queue.dead));
      setText(routing, queue.routing);
    },
  };
}
