// SPDX-License-Identifier: BSD-3-Clause
// The agent's desk: takes messages, holds them, settles them. What is in hand is asked of the gateway at the start and
// after each break, so nothing is forgotten when the page is loaded anew.

import { announce, byId, h, KeyedList, setText } from "./html.js";
import { countdown, messages, time } from "./format.js";
import { Hand } from "./lease.js";
import { Offers } from "./offers.js";
import { QueueList } from "./queues.js";
import { Work } from "./work.js";

const QUEUES_MS = 2000;
const HIDDEN_MS = 10000; // while nobody sees the page
const CLOCK_MS = 250;
const DONE_KEPT = 8;

export class Desk {
  constructor(api, me, onRevoked) {
    this.api = api;
    this.me = me;
    this.hands = new Map(); // by id
    this.selected = null;
    this.done = [];
    this.isElsewhere = me.backend !== "local";
    this.queues = new QueueList((name) => this.claimFrom([name]));
    this.work = new Work(api, this);
    this.offers = new Offers(api, {
      onClaim: (offer) => this.claimOffer(offer), onOffer: () => this.pollQueues(), onEnd: onRevoked, onState: (state) => this.showReady(state),
    });
    this.list = new KeyedList(byId("hands"), (hand) => this.makeRow(hand));
    byId("claim").onclick = () => this.claim();
    byId("ready").onclick = () => this.toggleReady();
    byId("claim").disabled = byId("ready").disabled = this.isElsewhere;
  }

  async start() {
    this.clock = setInterval(() => this.tick(), CLOCK_MS);
    this.showReady("off");
    this.refresh();
    await this.pollQueues();
    if (this.isElsewhere) {
      this.say("Queues are in NATS here: messages are taken there.");
      return;
    }
    await this.recover();
    if (sessionStorage.getItem("weir.ready") === "yes") {
      this.offers.start();
    }
  }

  end() {
    clearInterval(this.clock);
    clearTimeout(this.poller);
    this.isEnded = true;
    this.offers.end();
  }

  get hasDraft() {
    return [...this.hands.values()].some((hand) => hand.draft !== "" && !hand.isOver);
  }

  get inHand() {
    return [...this.hands.values()].filter((hand) => !hand.isOver).length;
  }

  // ── queues ──

  async pollQueues() {
    clearTimeout(this.poller);
    try {
      const { queues } = await this.api.get("/v1/queues");
      this.queues.show(queues);
      this.lastQueues = queues;
    } catch {
      // the line at the top says so
    }
    this.showIdle();
    clearTimeout(this.poller);
    if (!this.isEnded) {
      this.poller = setTimeout(() => this.pollQueues(), document.hidden ? HIDDEN_MS : QUEUES_MS);
    }
  }

  // ── taking ──

  say(text) {
    setText(byId("claim-error"), text);
  }

  claim() {
    const offer = this.offers.first;
    return offer ? this.claimOffer(offer) : this.claimFrom(null);
  }

  claimOffer(offer) {
    return this.take(async () => {
      const message = await this.api.post(`/v1/messages/${offer.id}/claim`, { queue: offer.queue });
      this.offers.drop(offer.id);
      return message;
    });
  }

  claimFrom(queues) {
    return this.take(async () => {
      const { messages: [message] } = await this.api.post("/v1/claim", { max: 1, ...(queues ? { queues } : {}) });
      return message;
    }, queues ? `Nothing waits in ${queues[0]}.` : "Nothing waits in your queues.");
  }

  async take(ask, none) {
    if (this.isTaking || this.isElsewhere) {
      return;
    }
    this.isTaking = true;
    this.say("");
    try {
      const message = await ask();
      if (message) {
        this.receive(message);
      } else {
        this.say(none);
      }
    } catch (problem) {
      this.say(problem.message);
    }
    this.isTaking = false;
    this.pollQueues();
  }

  receive(message) {
    this.hands.set(message.id, new Hand(this.api, message));
    this.select(message.id);
    announce(`Message ${message.id}, ${message.priority}, from ${message.queue}.`);
  }

  /** What the gateway says that we have in hand: messages of before a reload, or none any more. */
  async recover() {
    let mine;
    try {
      mine = (await this.api.get("/v1/messages")).messages;
    } catch {
      return;
    }
    for (const message of mine) {
      const hand = this.hands.get(message.id);
      if (!hand) {
        this.hands.set(message.id, new Hand(this.api, message));
      } else if (!hand.isOver && !hand.busy && !hand.extending) {
        hand.message = message;
        hand.until = message.lease_until_ms;
      }
    }
    if (this.selected === null && this.hands.size > 0) {
      this.select(this.hands.keys().next().value);
    }
    this.refresh();
  }

  // ── what is in hand ──

  get hand() {
    return this.hands.get(this.selected) || null;
  }

  select(id, withFocus = true) {
    this.selected = id;
    this.refresh();
    if (this.hand && withFocus) {
      this.work.focus();
    }
  }

  step(by) {
    const ids = [...this.hands.keys()];
    if (ids.length > 1) {
      this.select(ids[(ids.indexOf(this.selected) + by + ids.length) % ids.length], false);
    }
  }

  refresh() {
    this.work.show(this.hand);
    this.list.show([...this.hands.values()], (hand) => hand.id);
    byId("hands-card").hidden = this.hands.size < 2;
    setText(byId("hands-count"), String(this.hands.size));
    this.showIdle();
  }

  tick() {
    for (const hand of this.hands.values()) {
      if (!hand.isOver && hand.left <= 0 && !hand.busy && !hand.extending) {
        this.isNoMore(hand);
      } else if (hand.wantsTime) {
        this.extendFor(hand, "writing");
      }
    }
    this.list.show([...this.hands.values()], (hand) => hand.id);
    this.work.refresh();
  }

  isNoMore(hand) {
    hand.isOver = true;
    hand.error = hand.draft ? "The lease is over: others may take the message now. What you wrote stays here until you close it."
      : "The lease is over: others may take the message now.";
    announce(`The lease of message ${hand.id} is over.`, true);
  }

  forget(hand, what) {
    this.hands.delete(hand.id);
    if (what) {
      this.done.unshift({ id: hand.id, queue: hand.message.queue, what, at: this.api.now() });
      this.done.length = Math.min(this.done.length, DONE_KEPT);
      announce(`Message ${hand.id}: ${what}.`);
    }
    this.say("");
    this.select(this.hands.size > 0 ? this.hands.keys().next().value : null);
    if (!this.hand) {
      byId("claim").focus();
    }
    this.pollQueues();
  }

  /** Does something to a message; what went wrong is said beside it. */
  async settle(hand, ask, wordsOf) {
    if (!hand || hand.busy || hand.isOver) {
      return;
    }
    hand.busy = true;
    hand.error = "";
    this.work.refresh();
    try {
      const result = await ask();
      hand.busy = false;
      this.forget(hand, wordsOf(result));
    } catch (problem) {
      hand.busy = false;
      this.failed(hand, problem);
    }
  }

  failed(hand, problem) {
    if (problem.word === "lease-over" || problem.word === "message-unknown") {
      this.isNoMore(hand);
    } else if (problem.word === "message-settled") {
      this.forget(hand, "settled before");
      return;
    } else {
      hand.error = problem.message;
    }
    this.work.refresh();
  }

  send() {
    const hand = this.hand;
    if (!hand) {
      return;
    }
    const room = this.work.room(hand);
    if (room === 0) {
      hand.error = "This message cannot be answered: choose \u201cDone, no answer\u201d.";
      this.work.refresh();
    } else if (hand.draft === "" && hand.status === "accepted") {
      hand.error = "The answer is empty: write it, or choose \u201cDone, no answer\u201d.";
      this.work.refresh();
      this.work.focus();
    } else if (new TextEncoder().encode(hand.draft).length > room) {
      hand.error = `The answer is longer than a reply to this message may be (${room} bytes).`;
      this.work.refresh();
      this.work.focus();
    } else {
      this.settle(hand, () => hand.answer(), ({ repeated }) => (repeated ? "answered before" : `answered, ${hand.status}`));
    }
  }

  /** Something that would throw away what was written is asked for twice. */
  mayDiscard(hand, what) {
    if (hand.draft === "" || hand.discard === what) {
      return true;
    }
    hand.discard = what;
    hand.error = `Your answer was not sent. Once more: ${what}, and it is gone.`;
    this.work.refresh();
    return false;
  }

  acknowledge() {
    const hand = this.hand;
    if (hand && this.mayDiscard(hand, "done, no answer")) {
      this.settle(hand, () => hand.acknowledge(), ({ repeated }) => (repeated ? "settled before" : "done, without an answer"));
    }
  }

  giveBack() {
    const hand = this.hand;
    if (hand && this.mayDiscard(hand, "give back")) {
      this.settle(hand, () => hand.giveBack(), ({ state }) => (state === "dead" ? "given back, a dead letter now" : "given back"));
    }
  }

  extend() {
    if (this.hand && !this.hand.isOver) {
      this.extendFor(this.hand, "asked");
    }
  }

  async extendFor(hand, by) {
    try {
      await hand.extend(by);
      hand.error = "";
    } catch (problem) {
      this.failed(hand, problem);
      hand.typedAt = -Infinity; // again at the next key
    }
    this.work.refresh();
  }

  async takeAgain() {
    const hand = this.hand;
    if (!hand || hand.busy) {
      return;
    }
    hand.busy = true;
    this.work.refresh();
    try {
      hand.take(await hand.takeAgain());
      hand.error = hand.note = "";
      this.work.focus();
    } catch (problem) {
      hand.error = problem.word === "message-taken" ? "Somebody else has the message now, or it is settled." : problem.message;
    }
    hand.busy = false;
    this.work.refresh();
  }

  close() {
    if (this.hand) {
      this.forget(this.hand, null);
    }
  }

  // ── showing ──

  toggleReady() {
    if (this.isElsewhere) {
      return;
    }
    if (this.offers.isOn) {
      this.offers.stop();
    } else {
      this.offers.start();
    }
    sessionStorage.setItem("weir.ready", this.offers.isOn ? "yes" : "no");
  }

  showReady(state) {
    const words = {
      off: "Offers are off.",
      listening: "You are offered messages, one by one.",
      broken: "The stream of offers broke: opening it again.",
    };
    byId("ready").setAttribute("aria-pressed", String(this.offers ? this.offers.isOn : false));
    byId("ready").dataset.state = state;
    setText(byId("ready-note"), words[state]);
  }

  showIdle() {
    const waiting = this.queues.waiting;
    setText(byId("idle-text"), this.isElsewhere ? "" : waiting > 0 ? `${messages(waiting)} wait${waiting === 1 ? "s" : ""}. C takes the next one.`
      : "Nothing waits. With offers on you hear of the next message at once.");
    const rows = this.done.map(({ id, queue, what, at }) => h("li", {}, h("span", { class: "muted" }, time(at)), ` ${what} `,
      h("span", { class: "muted" }, `message ${id}, ${queue}`)));
    byId("done").replaceChildren(...rows);
  }

  makeRow(hand) {
    const left = h("span", { class: "muted small" });
    const button = h("button", { type: "button", class: "hand", onclick: () => this.select(hand.id) },
      h("span", { class: `priority ${hand.message.priority}` }, hand.message.priority), h("span", { class: "name" }, `${hand.message.queue} \u00b7 ${hand.id}`), left);
    return {
      element: h("li", {}, button),
      update: (now) => {
        button.setAttribute("aria-current", String(now.id === this.selected));
        setText(left, now.isOver ? "over" : countdown(now.left));
      },
    };
  }
}
