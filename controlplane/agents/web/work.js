// SPDX-License-Identifier: BSD-3-Clause
// The message in front of the agent: what it is, what it says, what is left of its lease, and the answer.

import { byId, announce, h, setText } from "./html.js";
import { showBody } from "./body.js";
import { age, bytes, country, countdown, number, sender, time } from "./format.js";

const BUSY_ROOM = { native: 4 }; // bytes of an answer that "busy" takes, by protocol
const SOON_MS = 60000;

export class Work {
  constructor(api, actions) {
    this.api = api;
    this.hand = null;
    this.actions = actions;
    this.text = byId("answer-text");
    byId("answer").addEventListener("submit", (event) => {
      event.preventDefault();
      actions.send();
    });
    this.text.addEventListener("input", () => this.onInput());
    for (const radio of this.radios) {
      radio.addEventListener("change", () => this.onStatus(radio.value));
    }
    for (const [id, action] of [["ack", "acknowledge"], ["give-back", "giveBack"], ["extend", "extend"], ["again", "takeAgain"], ["close", "close"]]) {
      byId(id).addEventListener("click", () => actions[action]());
    }
  }

  get radios() {
    return document.querySelectorAll("#answer input[name=status]");
  }

  /** Shows a message, or none. */
  show(hand) {
    const other = hand !== this.hand;
    this.hand = hand;
    byId("idle").hidden = hand !== null;
    byId("message").hidden = hand === null;
    byId("work").setAttribute("aria-labelledby", hand ? "work-title" : "idle-title");
    if (hand && other) {
      this.showMessage(hand.message);
      this.text.value = hand.draft;
      this.radios.forEach((radio) => {
        radio.checked = radio.value === hand.status;
      });
    }
    this.refresh();
  }

  showMessage(message) {
    const priority = byId("m-priority");
    priority.textContent = message.priority;
    priority.className = `priority ${message.priority}`;
    byId("m-queue").textContent = message.queue;
    byId("m-id").textContent = `message ${message.id}`;
    byId("m-attempts").textContent = message.attempts > 1 ? `Taken for the ${ordinal(message.attempts)} time: somebody had it before, and did not settle it.` : "";
    this.received = h("dd");
    const facts = [
      ["Tenant", message.tenant_name ? `${message.tenant_name} (${message.tenant})` : `${message.tenant}`],
      ["Country", country(message.country)], ["Channel", message.channel], ["Sender", sender(message.sender)],
      ["Received", this.received], ["Protocol", `${message.protocol}, ${number(message.size)} bytes`],
      ["Rule", `${message.rule}, generation ${message.generation}`]];
    byId("m-facts").replaceChildren(...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), value instanceof Node ? value : h("dd", {}, value))));
    showBody(byId("m-body"), byId("m-body-note"), message);
  }

  /** What changes by itself or by what was done. */
  refresh() {
    const hand = this.hand;
    if (!hand) {
      return;
    }
    const message = hand.message;
    setText(this.received, `${time(message.received_ms)}, ${age((this.api.now() - message.received_ms) / 1000)} ago`);
    setText(byId("work-error"), hand.error);
    this.showLease(hand);
    this.showSize(hand);
    for (const id of ["send", "ack", "give-back", "extend"]) {
      byId(id).disabled = hand.busy;
      byId(id).hidden = hand.isOver;
    }
    byId("again").hidden = byId("close").hidden = !hand.isOver;
    this.text.readOnly = hand.isOver;
    byId("answer").classList.toggle("is-over", hand.isOver);
    byId("answer").setAttribute("aria-busy", String(hand.busy));
  }

  showLease(hand) {
    const soon = !hand.isOver && hand.left < Math.min(SOON_MS, hand.whole / 3);
    byId("lease").dataset.state = hand.isOver ? "over" : soon ? "soon" : "good";
    setText(byId("lease-left"), hand.isOver ? "The lease is over" : `${countdown(hand.left)} left`);
    setText(byId("lease-note"), hand.isOver ? "the message waits for others" : hand.note);
    byId("lease-bar").style.inlineSize = `${hand.share * 100}%`;
    if (soon && !hand.warned) {
      hand.warned = true;
      announce(`Message ${hand.id}: ${countdown(hand.left)} left. E gives more time.`, true);
    }
  }

  /** Bytes that the answer may have; none where the message cannot be answered. */
  room(hand) {
    const taken = hand.status === "busy" ? BUSY_ROOM[hand.message.protocol] ?? 0 : 0;
    return Math.max(hand.message.answer_max - taken, 0);
  }

  showSize(hand) {
    const n = bytes(hand.draft);
    const room = this.room(hand);
    const size = byId("answer-size");
    setText(size, room ? `${number(n)} of ${number(room)} bytes` : "This message cannot be answered");
    size.classList.toggle("too-long", n > room);
  }

  onInput() {
    if (this.hand) {
      this.hand.draft = this.text.value;
      this.hand.error = "";
      this.hand.typed();
      this.refresh();
    }
  }

  onStatus(status) {
    if (this.hand) {
      this.hand.status = status;
      this.refresh();
    }
  }

  focus() {
    this.text.focus();
  }

  setStatus(status) {
    this.radios.forEach((radio) => {
      radio.checked = radio.value === status;
    });
    this.onStatus(status);
  }
}

function ordinal(n) {
  const end = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
  return `${n}${end}`;
}
