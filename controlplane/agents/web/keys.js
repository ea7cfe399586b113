// SPDX-License-Identifier: BSD-3-Clause
// Single keys, outside of text fields, with no modifier; they can be switched off for who dictates (WCAG 2.1.4).

import { byId } from "./html.js";

const isText = (element) => element.closest("textarea, input:not([type=radio]):not([type=checkbox]), select") !== null;

export function startKeys(actions) {
  const on = byId("keys-on");
  on.checked = localStorage.getItem("weir.keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("weir.keys", on.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (byId("console").hidden || byId("help").open || event.defaultPrevented) {
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      actions.send();
      return;
    }
    if (isText(event.target)) {
      if (event.key === "Escape") {
        event.target.blur();
      }
      return;
    }
    const action = actions[event.key.toLowerCase()];
    if (action && on.checked && !event.ctrlKey && !event.altKey && !event.metaKey && !event.repeat) {
      event.preventDefault();
      action();
    }
  });
}
