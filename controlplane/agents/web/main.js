// SPDX-License-Identifier: BSD-3-Clause
// The page: signing in, the two views, the line that says whether the control plane is there.

import { Api } from "./api.js";
import { Desk } from "./desk.js";
import { messages } from "./format.js";
import { announce, byId, setText } from "./html.js";
import { startKeys } from "./keys.js";
import { nextTheme, startTheme } from "./theme.js";
import { Triage } from "./triage.js";

const TOKEN = "weir.token"; // in this tab's storage
const CLOCK_MS = 60000;
const AGAIN_MS = 2000;

const page = { api: null, desk: null, triage: null, view: null, isOnline: true, clock: null };

function show(view) {
  if (view === "triage" && !page.triage) {
    return;
  }
  page.view = view;
  for (const name of ["desk", "triage"]) {
    byId(name).hidden = name !== view;
    byId(`show-${name}`).setAttribute("aria-current", name === view ? "page" : "false");
  }
  sessionStorage.setItem("weir.view", view);
  page.triage?.setShown(view === "triage");
}

function askForToken(error = "") {
  byId("console").hidden = true;
  byId("sign-in").hidden = false;
  byId("sign-in-error").textContent = error;
  byId("token").setAttribute("aria-invalid", String(error !== ""));
  byId("token").focus();
  byId("token").select();
}

function signOut(error = "") {
  sessionStorage.clear();
  page.desk?.end();
  page.triage?.end();
  clearInterval(page.clock);
  Object.assign(page, { api: null, desk: null, triage: null });
  byId("token").value = "";
  document.title = "weir";
  askForToken(error);
}

/** Who leaves with messages in hand is asked: nobody else gets them before their leases are over. */
function leave() {
  const n = page.desk.inHand;
  if (n === 0 || confirm(`You have ${messages(n)} in hand. Others get ${n === 1 ? "it" : "them"} when the lease is over; what you give back, they get at once. Sign out?`)) {
    signOut();
  }
}

function onOutcome(api, problem) {
  if (api !== page.api) {
    return;
  }
  if (problem?.isToken) {
    signOut(`${sentence(problem.message)} Sign in again.`);
    return;
  }
  const online = !problem?.isOffline && problem?.status !== 503;
  if (online !== page.isOnline && (online || problem.isOffline)) {
    page.isOnline = online;
    showConnection();
    if (online) {
      announce("The control plane answers again.");
      api.agent().catch(() => {});
      page.desk.recover();
    } else {
      announce("The control plane does not answer.", true);
    }
  }
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

function showConnection() {
  const line = byId("connection");
  line.dataset.state = page.isOnline ? "good" : "lost";
  setText(line, page.isOnline ? "connected" : "no answer from the control plane: trying again");
}

function enter(api, me) {
  sessionStorage.setItem(TOKEN, api.token);
  byId("token").value = "";
  byId("sign-in").hidden = true;
  byId("console").hidden = false;
  byId("gateway").textContent = me.gateway;
  byId("who").textContent = me.name;
  byId("role").textContent = me.role;
  page.api = api;
  page.isOnline = true;
  showConnection();
  page.desk = new Desk(api, me, () => signOut("The token is revoked."));
  page.triage = me.role === "operator" ? new Triage(api) : null;
  byId("show-triage").hidden = !page.triage;
  page.desk.start();
  page.triage?.start();
  page.clock = setInterval(() => api.agent().catch(() => {}), CLOCK_MS);
  show(page.triage && sessionStorage.getItem("weir.view") !== "desk" ? "triage" : "desk");
  byId(page.view === "desk" ? "claim" : "show-triage").focus();
}

async function signIn(token) {
  const api = new Api(token);
  const button = byId("sign-in-form").querySelector("button");
  button.disabled = true;
  try {
    const me = await api.agent();
    api.onOutcome((problem) => onOutcome(api, problem));
    enter(api, me);
  } catch (problem) {
    const wait = problem.retry ? ` Try again in ${problem.retry} s.` : "";
    askForToken(problem.isOffline ? "The control plane does not answer." : sentence(problem.message) + wait);
    if (problem.isOffline && sessionStorage.getItem(TOKEN) === token) { // the page was loaded anew meanwhile
      setTimeout(() => page.api || byId("token").value || signIn(token), AGAIN_MS);
    } else if (problem.isToken) {
      sessionStorage.removeItem(TOKEN);
    }
  }
  button.disabled = false;
}

function onSubmit(event) {
  event.preventDefault();
  const token = byId("token").value.trim();
  if (!token) {
    askForToken("The token is missing.");
  } else if (!/^[\x21-\x7e]+$/.test(token)) {
    askForToken("A token has letters, digits and \u201c-\u201d alone.");
  } else {
    signIn(token);
  }
}

function help(open) {
  if (open) {
    byId("help").showModal();
  } else {
    byId("help").close();
  }
}

const onDesk = (action) => () => {
  if (page.view === "desk") {
    action(page.desk);
  }
};

function start() {
  startTheme(byId("theme"));
  startKeys({
    send: onDesk((desk) => desk.send()),
    c: onDesk((desk) => desk.claim()),
    o: onDesk((desk) => desk.toggleReady()),
    r: onDesk((desk) => desk.work.focus()),
    a: onDesk((desk) => desk.acknowledge()),
    g: onDesk((desk) => desk.giveBack()),
    e: onDesk((desk) => desk.extend()),
    j: onDesk((desk) => desk.step(1)),
    k: onDesk((desk) => desk.step(-1)),
    1: () => show("desk"),
    2: () => show("triage"),
    t: nextTheme,
    "?": () => help(true),
  });
  byId("sign-in-form").addEventListener("submit", onSubmit);
  byId("sign-out").addEventListener("click", leave);
  byId("show-desk").addEventListener("click", () => show("desk"));
  byId("show-triage").addEventListener("click", () => show("triage"));
  byId("show-help").addEventListener("click", () => help(true));
  byId("close-help").addEventListener("click", () => help(false));
  addEventListener("beforeunload", (event) => {
    if (page.desk?.hasDraft) {
      event.preventDefault();
    }
  });
  const token = sessionStorage.getItem(TOKEN);
  if (token) {
    signIn(token);
  } else {
    askForToken();
  }
}

start();
