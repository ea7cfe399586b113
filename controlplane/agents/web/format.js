// SPDX-License-Identifier: BSD-3-Clause
// Numbers, ages and names, as people read them.

export const PRIORITIES = ["emergency", "urgent", "normal", "non-urgent"];

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const regions = new Intl.DisplayNames("en", { type: "region" });

export const number = (value) => whole.format(value);
export const short = (value) => (value < 10000 ? whole.format(value) : compact.format(value));
/** A second, of something that may be rare. */
export const rate = (value) => (value > 0 && value < 9.95 ? value.toFixed(1) : short(value));
export const percent = (value) => percents.format(value);
export const time = (ms) => clock.format(new Date(ms));
export const messages = (n) => `${number(n)} ${n === 1 ? "message" : "messages"}`;

/** How long, in two units at most: 8 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) {
    return `${s} s`;
  }
  if (s < 600) {
    return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  }
  if (s < 3600) {
    return `${Math.floor(s / 60)} min`;
  }
  if (s < 86400) {
    return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  }
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** What is left, as a clock: 0:09, 4:59, 1:02:03. */
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

export function country(code) {
  if (code === "ZZ") {
    return "unknown (ZZ)";
  }
  try {
    const name = regions.of(code);
    return name === code ? code : `${name} (${code})`;
  } catch {
    return code;
  }
}

export function sender({ address, port }) {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export const bytes = (text) => new TextEncoder().encode(text).length;
