// SPDX-License-Identifier: BSD-3-Clause
// The stream of offers: opened while the agent listens, opened again whenever it breaks, as when the control plane is
// restarted. What is offered is forgotten with the stream; the gateway gives it to others then.

import { readEvents } from "./events.js";
import { announce, byId, h, KeyedList, setText } from "./html.js";
import { countdown } from "./format.js";

const AGAIN_MS = [500, 1000, 2000, 4000];

export class Offers {
  constructor(api, { onClaim, onOffer, onEnd, onState }) {
    this.api = api;
    this.callbacks = { onOffer, onEnd, onState };
    this.open = new Map(); // by id
    this.controller = null;
    this.list = new KeyedList(byId("offers"), (offer) => this.makeRow(offer, onClaim));
    this.timer = setInterval(() => this.show(), 250);
  }

  get isOn() {
    return this.controller !== null;
  }

  /** The offer that rings for the longest time. */
  get first() {
    return this.open.values().next().value;
  }

  start() {
    if (!this.isOn) {
      this.controller = new AbortController();
      this.run(this.controller);
    }
  }

  stop() {
    this.controller?.abort();
    this.controller = null;
    this.clear();
  }

  end() {
    this.stop();
    clearInterval(this.timer);
  }

  clear() {
    this.open.clear();
    this.show();
  }

  async run(whole) {
    for (let failures = 0; !whole.signal.aborted; failures++) {
      const one = new AbortController();
      const stop = () => one.abort();
      whole.signal.addEventListener("abort", stop);
      try {
        const response = await this.api.open("/v1/offers?max=1", one.signal);
        this.callbacks.onState("listening");
        failures = 0;
        await readEvents(response, one, (name, data) => this.hear(name, data));
      } catch (problem) {
        if (problem.isToken || problem.word === "queues-elsewhere") {
          this.stop();
        }
      }
      whole.signal.removeEventListener("abort", stop);
      if (whole.signal.aborted) {
        break;
      }
      this.clear();
      this.callbacks.onState("broken");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]));
    }
    if (!this.isOn) { // else it was switched on again meanwhile
      this.callbacks.onState("off");
    }
  }

  hear(name, data) {
    if (name === "offer") {
      this.open.set(data.id, { ...data, until: data.ring_ms === null ? null : Date.now() + data.ring_ms });
      announce(`Offered: ${data.priority} message in ${data.queue}. C takes it.`, data.priority === "emergency");
      this.callbacks.onOffer(data);
    } else if (name === "withdraw") {
      this.open.delete(data.id);
    } else if (name === "end") {
      this.callbacks.onEnd(data.reason);
    }
    this.show();
  }

  /** Forgets one that was taken. */
  drop(id) {
    this.open.delete(id);
    this.show();
  }

  show() {
    this.list.show([...this.open.values()], (offer) => offer.id);
    document.title = this.open.size > 0 ? `\u25cf ${this.open.size} offered \u2013 weir` : "weir";
  }

  makeRow(offer, onClaim) {
    const left = h("span", { class: "muted small" });
    const element = h("li", { class: `offer ${offer.priority}` },
      h("span", { class: `priority ${offer.priority}` }, offer.priority), left, h("span", { class: "name" }, offer.queue),
      h("button", { type: "button", class: "primary small", onclick: () => onClaim(offer) }, "Take"));
    return {
      element,
      update: ({ until }) => setText(left, until === null ? "offered to all" : `rings ${countdown(until - Date.now())}`),
    };
  }
}
