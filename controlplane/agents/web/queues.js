// SPDX-License-Identifier: BSD-3-Clause
// The list of queues beside the desk: depth, by priority, and the age of the oldest message.

import { byId, h, KeyedList, setText } from "./html.js";
import { age, number, PRIORITIES, short } from "./format.js";

/** A bar of what waits, by priority: the whole width is all that waits. */
export function priorityBar() {
  const parts = PRIORITIES.map((priority) => h("span", { class: `part ${priority}` }));
  const element = h("div", { class: "priority-bar", "aria-hidden": "true" }, ...parts);
  return {
    element,
    update(waitingBy, waiting) {
      PRIORITIES.forEach((priority, i) => {
        parts[i].hidden = !waitingBy[priority];
        parts[i].style.flexGrow = waiting ? waitingBy[priority] / waiting : 0;
      });
    },
  };
}

/** "2 emergency, 5 normal" */
export function priorityWords(waitingBy) {
  return PRIORITIES.filter((priority) => waitingBy[priority] > 0).map((priority) => `${number(waitingBy[priority])} ${priority}`).join(", ");
}

function makeRow(queue, onClaim) {
  const waiting = h("strong", { class: "depth" });
  const bar = priorityBar();
  const words = h("span", { class: "words" });
  const oldest = h("span", { class: "oldest" });
  const rest = h("span", { class: "rest muted" });
  const take = h("button", { type: "button", class: "small", "aria-label": `Take the next message of ${queue.name}`,
    onclick: () => onClaim(queue.name) }, "Take");
  const element = h("li", { class: "queue", "data-queue": queue.name },
    h("div", { class: "queue-head" }, h("span", { class: "name", title: queue.name }, queue.name), waiting, take),
    bar.element, h("p", { class: "small" }, words), h("p", { class: "small" }, oldest, rest));
  return {
    element,
    update(now) {
      setText(waiting, short(now.waiting));
      waiting.title = `${number(now.waiting)} waiting`;
      element.classList.toggle("alarmed", now.alarm);
      element.classList.toggle("empty", now.waiting === 0);
      bar.update(now.waiting_by, now.waiting);
      setText(words, now.waiting ? priorityWords(now.waiting_by) : "nothing waits");
      setText(oldest, now.oldest_s === null ? "" : `${now.alarm ? "\u26a0 too long: " : "oldest "}${age(now.oldest_s)}`);
      setText(rest, `${number(now.leased)} in hand, ${number(now.agents)} listening${now.dead ? `, ${number(now.dead)} dead` : ""}`);
      take.disabled = now.waiting === 0;
    },
  };
}

export class QueueList {
  constructor(onClaim) {
    this.list = new KeyedList(byId("queues"), (queue) => makeRow(queue, onClaim));
    this.waiting = 0;
  }

  show(queues) {
    this.waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
    this.list.show(queues, (queue) => queue.name);
    byId("queues-none").hidden = queues.length > 0;
    setText(byId("queues-total"), this.waiting ? `${number(this.waiting)} waiting` : "");
  }
}
