// SPDX-License-Identifier: BSD-3-Clause
// Server-sent events, read by fetch: EventSource cannot send a token.

const SILENCE_MS = 40000; // the server says something each 15 s

/** Splits a stream's text into events, fed piece by piece. */
export class EventParser {
  constructor(onEvent) {
    this.onEvent = onEvent;
    this.rest = "";
    this.clear();
  }

  clear() {
    this.name = "message";
    this.data = [];
  }

  feed(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    lines.forEach((line) => this.line(line.replace(/\r$/, "")));
  }

  line(line) {
    if (line === "") {
      if (this.data.length > 0) {
        this.onEvent(this.name, JSON.parse(this.data.join("\n")));
      }
      this.clear();
    } else if (line.startsWith("event:")) {
      this.name = line.slice(6).trim();
    } else if (line.startsWith("data:")) {
      this.data.push(line.slice(5).trimStart());
    }
  }
}

/** Reads events until the stream ends, breaks or is silent for too long. */
export async function readEvents(response, controller, onEvent) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser(onEvent);
  let timer;
  const hear = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(), SILENCE_MS);
  };
  try {
    for (hear(); ; hear()) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      parser.feed(value);
    }
  } finally {
    clearTimeout(timer);
  }
}
