/** The comment test page: one room's comments, how they come, and what went wrong. */

import { address, errorBox, get, post } from "./api.js";
import { says } from "./comments.js";
import { badge, byId, el } from "./dom.js";
import { EventStream } from "./events.js";
import { ago, clock, count, milliseconds } from "./format.js";
import { fillIn, named, onLanguage, switchLanguage, t } from "./i18n.js";
import { Rooms } from "./rooms.js";
import { demoBadge, stateBadge } from "./status.js";

const STATUS_EVERY_MS = 2000;
const ROWS = 300;
const KINDS = ["chat", "gift", "like", "member", "follow", "room_user_stats", "product", "status", "gap"];
const ID = /^[\w.-]+$/;

const rooms = new Rooms();
const input = byId("live-id");
const list = byId("messages");
const counters = new Map();
let liveId = "";
let status = null;
let stream = null;
let busy = false;
let linkState = "";
let latest = null;

byId("language").addEventListener("click", switchLanguage);
byId("relay").addEventListener("submit", (event) => {
  event.preventDefault();
  start(input.value.trim());
});
byId("stop").addEventListener("click", stop);
input.value = new URLSearchParams(location.search).get("live_id") ?? "";
onLanguage(draw);
if (input.value) follow(input.value); // a reload goes on looking at the same room
setInterval(loadStatus, STATUS_EVERY_MS);

async function start(given) {
  if (!given) return show(el("div", { class: "error", role: "alert" }, `✕ ${t("relay.needs")}`));
  if (busy) return;
  busy = true;
  show();
  draw();
  try {
    const started = await post("/api/douyin/web/start", ID.test(given) ? { live_id: given } : { live_url: given });
    follow(started.live_id);
  } catch (error) {
    show(errorBox(error));
  } finally {
    busy = false;
    draw();
  }
}

async function stop() {
  busy = true;
  draw();
  try {
    await post("/api/douyin/web/stop", { live_id: liveId });
    leave();
    show(el("p", { class: "soft", role: "status" }, t("relay.stopped")));
  } catch (error) {
    show(errorBox(error));
  } finally {
    busy = false;
    draw();
  }
}

function follow(id) {
  leave();
  liveId = id;
  remember(id);
  counters.clear();
  list.replaceChildren();
  stream = new EventStream("/api/douyin/web/stream", { live_id: id }, {
    onOpen: loadStatus,
    onEvent: take,
    onState: (state) => {
      linkState = state;
      if (state === "absent") leave();
      draw();
    },
  });
}

function leave() {
  stream?.close();
  stream = null;
  linkState = "";
  liveId = "";
  status = null;
}

function remember(id) {
  input.value = id;
  const url = new URL(location.href);
  url.searchParams.set("live_id", id);
  history.replaceState(null, "", url);
}

async function loadStatus() {
  const asked = liveId;
  if (!asked || document.hidden) return;
  try {
    const answer = await get("/api/douyin/web/status", { live_id: asked });
    if (asked !== liveId) return;
    status = answer;
    rooms.learn([{ ...answer, platform: "douyin", recording_id: "" }]);
  } catch (error) {
    show(errorBox(error));
  }
  draw();
}

function take(type, data) {
  counters.set(type, (counters.get(type) ?? 0) + 1);
  latest = { type, data };
  list.prepend(row(type, data));
  while (list.children.length > ROWS) list.lastElementChild.remove();
  if (type === "status") loadStatus();
  draw();
}

function row(type, data) {
  return el(
    "li",
    { class: `comment ${type}` },
    el("time", { class: "soft" }, clock(data.ts ?? Date.now())),
    " ",
    rooms.isDemo(data) && demoBadge(),
    badge("kind", named("kind", type)),
    data.user && el("b", {}, data.user),
    " ",
    says(type, data),
  );
}

function show(...what) {
  byId("answer").replaceChildren(...what);
}

function draw() {
  fillIn();
  const running = stream !== null;
  const demo = status !== null && rooms.isDemo(status);
  document.title = (demo ? `[${t("demo")}] ` : "") + t("relay.title");
  byId("demo-band").hidden = !demo;
  byId("start").textContent = t(busy && !running ? "relay.starting" : "relay.start");
  byId("start").disabled = busy || running;
  byId("stop").disabled = busy || !running;
  byId("nothing").hidden = list.children.length > 0;
  byId("state").replaceChildren(chatState(), linkState === "lost" ? stateBadge("link", "lost") : "");
  byId("raw").textContent = latest === null ? "" : JSON.stringify(latest, null, 2);
  byId("curl").textContent = curl(liveId || input.value || "80017709309");
  drawFacts();
  drawCounters();
}

function chatState() {
  if (status === null) return stateBadge("chat", stream ? "connecting" : "stopped");
  return stateBadge("chat", status.state, status.reason);
}

function drawFacts() {
  const health = status?.health;
  const age = health?.last_message_age_ms ?? null;
  const none = t("relay.none");
  byId("room").textContent = status ? `${status.anchor_name} · ${status.live_id} · ${status.room_id}` : none;
  byId("rate").textContent = health ? count(health.messages_per_min) : none;
  byId("lag").textContent = health ? milliseconds(health.lag_ms) : none;
  byId("age").textContent = age === null ? none : ago(Date.now() - age);
  byId("reconnects").textContent = health ? count(health.reconnects) : none;
  byId("last-error").textContent = status?.last_error || t("relay.error.none");
}

function drawCounters() {
  byId("counters").replaceChildren(
    ...KINDS.map((kind) =>
      el(
        "li",
        { "data-kind": kind },
        el("b", {}, count(counters.get(kind) ?? 0)),
        el("span", {}, named("kind", kind)),
        el("code", { class: "soft" }, kind),
      ),
    ),
  );
}

function curl(id) {
  const body = (action) => `curl -X POST ${address(`/api/douyin/web/${action}`)} \\
  -H 'Content-Type: application/json' -d '${JSON.stringify({ live_id: id })}'`;
  const read = (what) => `curl -N '${address(`/api/douyin/web/${what}`, { live_id: id })}'`;
  return [body("start"), read("stream"), read("status"), body("stop")].join("\n\n");
}
