// SPDX-License-Identifier: BSD-3-Clause
// Elements without markup: whatever is put in is text. There is no other way to make them in this console.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (null and false: left out) and children, which are nodes or text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text only where it is another one, so that screen readers and selections are left in peace. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Keeps a list of children in step with things: made once by key, updated in place, so that focus stays where it is. */
export class KeyedList {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make; // (thing) -> { element, update(thing) }
    this.rows = new Map();
  }

  show(things, keyOf) {
    const seen = new Set();
    things.forEach((thing, index) => {
      const key = keyOf(thing);
      seen.add(key);
      if (!this.rows.has(key)) {
        this.rows.set(key, this.make(thing));
      }
      const row = this.rows.get(key);
      row.update(thing);
      if (this.parent.children[index] !== row.element) {
        this.parent.insertBefore(row.element, this.parent.children[index] || null);
      }
    });
    for (const [key, row] of this.rows) {
      if (!seen.has(key)) {
        row.element.remove();
        this.rows.delete(key);
      }
    }
  }
}

/** Says something to who cannot see it. */
export function announce(text, urgent = false) {
  byId(urgent ? "assertive" : "polite").textContent = text;
}
