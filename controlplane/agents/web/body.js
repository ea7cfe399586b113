// SPDX-License-Identifier: BSD-3-Clause
// What a message says is bytes of a stranger. Text is shown as text, with what one cannot see made visible; all else
// as hexadecimal digits. Nothing of it is ever markup.

import { h } from "./html.js";

// Control characters but tab and line feed, and what reorders, hides or joins text without being seen.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const ROW = 16;
const NAMES = ("NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US").split(" ");

function nameOf(character) {
  const code = character.codePointAt(0);
  return NAMES[code] || `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Text as nodes; how many characters had to be made visible. */
export function textNodes(text) {
  const nodes = [];
  let at = 0;
  let unseen = 0;
  for (const match of text.matchAll(UNSEEN)) {
    nodes.push(text.slice(at, match.index), h("span", { class: "unseen", title: "a character that one cannot see" }, nameOf(match[0])));
    at = match.index + match[0].length;
    unseen++;
  }
  nodes.push(text.slice(at));
  return { nodes: nodes.filter((node) => node !== ""), unseen };
}

/** Bytes as rows of offset, hexadecimal digits and ASCII. */
export function hexRows(data) {
  const rows = [];
  for (let at = 0; at < data.length; at += ROW) {
    const part = data.slice(at, at + ROW);
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, "0"));
    const text = Array.from(part, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    digits.splice(8, 0, "");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${digits.join(" ").padEnd(ROW * 3 + 1)}  ${text}`);
  }
  return rows.join("\n");
}

/** Fills `element` with the message's body, and `note` with what is to be known of it. */
export function showBody(element, note, message) {
  element.classList.toggle("hex", message.body === undefined);
  if (message.body === undefined) {
    const data = Uint8Array.from(atob(message.body_base64), (c) => c.charCodeAt(0));
    element.replaceChildren(hexRows(data));
    note.textContent = "This is no text: its bytes, as hexadecimal digits and ASCII.";
    return;
  }
  const { nodes, unseen } = textNodes(message.body);
  element.replaceChildren(...nodes);
  note.textContent = message.size === 0 ? "The message says nothing: it has no body."
    : unseen ? `${unseen === 1 ? "One character" : `${unseen} characters`} that one cannot see ${unseen === 1 ? "is" : "are"} marked.` : "";
}
