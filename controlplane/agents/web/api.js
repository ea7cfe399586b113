// SPDX-License-Identifier: BSD-3-Clause
// The agents' API (docs/api.yaml). Each refusal is a Problem with a word for programs and a line for people.

const PATIENCE_MS = 15000;

export class Problem extends Error {
  constructor(status, word, detail, retry = 0) {
    super(detail);
    this.status = status;
    this.word = word; // the last of its urn; "offline" where nobody answered
    this.retry = retry;
  }

  get isOffline() {
    return this.word === "offline";
  }

  get isToken() {
    return this.status === 401;
  }
}

const offline = () => new Problem(0, "offline", "The control plane does not answer. Nothing is lost: try again, a repeat does no harm.");

async function problemOf(response) {
  const retry = Number(response.headers.get("Retry-After")) || 0;
  try {
    const problem = await response.json();
    return new Problem(response.status, String(problem.type).split(":").pop(), problem.detail, retry);
  } catch {
    return new Problem(response.status, "unknown", `The control plane answers ${response.status}.`, retry);
  }
}

export class Api {
  constructor(token) {
    this.token = token;
    this.skew = 0;
    this.listeners = [];
  }

  /** Calls back after each request with null or its Problem. */
  onOutcome(listener) {
    this.listeners.push(listener);
  }

  outcome(problem) {
    for (const listener of this.listeners) {
      listener(problem);
    }
    return problem;
  }

  async fetch(path, options) {
    let response;
    try {
      response = await fetch(path, {
        cache: "no-store", credentials: "omit", redirect: "error", ...options,
        headers: { Authorization: `Bearer ${this.token}`, ...(options.body ? { "Content-Type": "application/json" } : {}) },
      });
    } catch (error) {
      throw options.signal?.aborted && options.signal.reason?.name !== "TimeoutError" ? error : this.outcome(offline());
    }
    if (!response.ok) {
      throw this.outcome(await problemOf(response));
    }
    this.outcome(null);
    return response;
  }

  async json(path, options) {
    const response = await this.fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
    try {
      return await response.json();
    } catch {
      throw this.outcome(offline());
    }
  }

  get(path) {
    return this.json(path, {});
  }

  post(path, body) {
    return this.json(path, { method: "POST", body: JSON.stringify(body) });
  }

  /** An open response, for streams; ends with the signal. */
  open(path, signal) {
    return this.fetch(path, { signal });
  }

  /** Who we are; and, of the same answer, what the gateway's clock says, for leases end by that. */
  async agent() {
    const before = Date.now();
    const agent = await this.get("/v1/agent");
    this.skew = agent.now_ms - (before + Date.now()) / 2;
    return agent;
  }

  /** The gateway's time, ms since 1970. */
  now() {
    return Date.now() + this.skew;
  }
}
