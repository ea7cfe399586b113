// SPDX-License-Identifier: BSD-3-Clause
// Light, dark, or as the system has it. The choice is this browser's.

const THEMES = ["auto", "light", "dark"];
const listeners = [];

export function currentTheme() {
  return document.documentElement.dataset.theme;
}

function tell() {
  for (const listener of listeners) {
    listener();
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("weir.theme", theme);
  tell();
}

export function nextTheme() {
  setTheme(THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length]);
}

/** Calls back when the colours are other ones, whoever changed them. */
export function onTheme(listener) {
  listeners.push(listener);
}

/** The colour of a custom property, as it is now: canvases do not know properties. */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export function startTheme(button) {
  const show = () => {
    button.textContent = `Theme: ${currentTheme()} `;
    const key = document.createElement("kbd");
    key.textContent = "T";
    button.append(key);
  };
  button.addEventListener("click", nextTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  onTheme(show);
  show();
}
