// SPDX-License-Identifier: BSD-3-Clause
// One message in hand, with its lease, as long as the agent has it: what is left of the time, more of it while the
// agent writes, and what was written.

// A key pressed so recently: the agent is writing. Of a short lease, a part of it that is longer than its half.
const WRITES_MS = 30000;
const WRITES_PART = 0.75;

export class Hand {
  constructor(api, message) {
    this.api = api;
    this.draft = "";
    this.status = "accepted";
    this.error = "";
    this.note = "";
    this.busy = false;
    this.typedAt = -Infinity;
    this.warned = false;
    this.take(message);
  }

  /** A new lease of the same message, or the first. */
  take(message) {
    this.message = message;
    this.id = message.id;
    this.isOver = false;
    this.setUntil(message.lease_until_ms);
  }

  setUntil(until) {
    this.until = until;
    this.whole = Math.max(1, until - this.api.now());
    this.warned = false;
  }

  get path() {
    return `/v1/messages/${this.id}`;
  }

  get left() {
    return this.isOver ? 0 : this.until - this.api.now();
  }

  get share() {
    return Math.min(1, Math.max(0, this.left / this.whole));
  }

  typed() {
    this.typedAt = Date.now();
  }

  /** Whether more time is to be asked for by itself: the agent writes, and half of the time is over. */
  get wantsTime() {
    return !this.isOver && !this.extending && this.share < 0.5 && Date.now() - this.typedAt < Math.min(WRITES_MS, this.whole * WRITES_PART);
  }

  /** Asks for as much time again as the queue gives. */
  async extend(by) {
    this.extending = true;
    try {
      const { lease_until_ms: until } = await this.api.post(`${this.path}/extend`, { lease: this.message.lease });
      this.setUntil(until);
      this.note = by === "writing" ? "extended while you write" : "extended";
    } finally {
      this.extending = false;
    }
  }

  answer() {
    return this.api.post(`${this.path}/answer`, { lease: this.message.lease, status: this.status, body: this.draft });
  }

  acknowledge() {
    return this.api.post(`${this.path}/ack`, { lease: this.message.lease });
  }

  giveBack() {
    return this.api.post(`${this.path}/give-back`, { lease: this.message.lease });
  }

  takeAgain() {
    return this.api.post(`${this.path}/claim`, { queue: this.message.queue });
  }
}
