/** The comment test page: how rooms' comments come, and what went wrong. */

import { errorBox, get, post } from "./api.js";
import { kindBadge, says } from "./comments.js";
import { drawCurve } from "./curve.js";
import { byId, el, place } from "./dom.js";
import { EventStream } from "./events.js";
import { clock, count } from "./format.js";
import { fillIn, named, onLanguage, switchLanguage, t } from "./i18n.js";
import { PLAYED, curl } from "./relay_curl.js";
import { Feed, ROWS } from "./relay_feed.js";
import { RoomList, drawFacts } from "./relay_status.js";
import { Rooms } from "./rooms.js";
import { demoBadge, stateBadge } from "./status.js";

const STATUS_EVERY_MS = 2000;
const TICK_EVERY_MS = 1000;
const DRAW_EVERY_MS = 200;
const KINDS = [
  "chat", "gift", "like", "member", "follow", "share", "fans_club", "room_user_stats", "product", "status", "gap",
];
const ID = /^[\w.-]+$/;
const NO_ROOM = "80017709309"; // for commands to copy before there is a room

const rooms = new Rooms();
const roomList = new RoomList(select);
const feeds = new Map(); // by broadcast: the next one of a room begins anew
const roomIds = new Map(); // the broadcast of a room that was seen last
const hidden = new Set();
const tiles = new Map();
const input = byId("live-id");
const list = byId("messages");
let statuses = [];
let selected = new URLSearchParams(location.search).get("live_id") ?? "";
let fixtures = [];
let busy = "";
let link = "connecting";
let lostAt = 0;
let paused = false;
let arrived = [];
let waiting = false;

fillInput(selected);
byId("language").addEventListener("click", switchLanguage);
byId("relay").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = input.value.trim();
  if (given) start(ID.test(given) ? { live_id: given } : { live_url: given });
  else show(el("div", { class: "error", role: "alert" }, `✕ ${t("relay.needs")}`));
});
byId("play").addEventListener("submit", (event) => {
  event.preventDefault();
  start({ fixture: byId("fixture").value });
});
byId("stop").addEventListener("click", stop);
byId("copy").addEventListener("click", copy);
byId("raw").addEventListener("change", drawMessages);
byId("pause").addEventListener("click", () => {
  paused = !paused;
  if (!paused) drawMessages();
  drawPause();
});
onLanguage(() => {
  draw();
  drawMessages();
});
loadFixtures();
new EventStream("/api/douyin/web/stream", {}, {
  onOpen: loadRooms,
  onEvent: take,
  onState: (state) => {
    if (state === "lost" && link !== "lost") lostAt = Date.now();
    link = state;
    drawLink();
  },
  resumes: true,
});
setInterval(() => document.hidden || loadRooms(), STATUS_EVERY_MS);
setInterval(() => document.hidden || drawCurve(shownFeed().rate()), TICK_EVERY_MS);

async function start(body) {
  if (busy) return;
  busy = "fixture" in body ? "play" : "start";
  show();
  draw();
  try {
    const started = await post("/api/douyin/web/start", body);
    await loadRooms();
    select(started.live_id);
  } catch (error) {
    show(errorBox(error));
  } finally {
    busy = "";
    draw();
  }
}

async function stop() {
  if (busy) return;
  busy = "stop";
  draw();
  try {
    await post("/api/douyin/web/stop", { live_id: selected });
    await loadRooms();
    show(el("p", { class: "soft", role: "status" }, t("relay.stopped")));
  } catch (error) {
    show(errorBox(error));
  } finally {
    busy = "";
    draw();
  }
}

/** Look at one room from now on; a reload does too. */
function select(id) {
  selected = id;
  fillInput(id);
  const url = new URL(location.href);
  url.searchParams.set("live_id", id);
  history.replaceState(null, "", url);
  draw();
  drawMessages();
}

/** A live id alone stands for a Douyin room. */
function fillInput(id) {
  const platform = statusOf(id)?.platform ?? "douyin";
  if (ID.test(id) && platform === "douyin" && !PLAYED.test(id)) input.value = id;
}

async function loadRooms() {
  try {
    statuses = await get("/api/douyin/web/rooms");
  } catch {
    return; // that the server is gone is told by the stream
  }
  rooms.learn(statuses);
  for (const { live_id: id, room_id: roomId } of statuses) roomIds.set(id, roomId);
  const known = new Set(roomIds.values());
  for (const roomId of feeds.keys()) if (!known.has(roomId)) feeds.delete(roomId);
  if (!selected && statuses.length > 0) select(statuses[0].live_id);
  draw();
}

async function loadFixtures() {
  try {
    fixtures = await get("/api/douyin/web/fixtures");
  } catch {
    fixtures = []; // nothing to play is no failure of the page
  }
  byId("fixture").replaceChildren(...fixtures.map(({ name }) => el("option", { value: name }, name)));
  draw();
}

function take(type, data, raw) {
  const message = feedOf(data.room_id).take(type, data, raw);
  if (type === "status") loadRooms();
  if (data.room_id !== roomIds.get(selected)) return;
  arrived.push(message);
  if (waiting) return;
  waiting = true; // drawn a few times a second, however many come
  setTimeout(drawArrived, DRAW_EVERY_MS);
}

function feedOf(roomId) {
  if (!feeds.has(roomId)) feeds.set(roomId, new Feed());
  return feeds.get(roomId);
}

/** What came from the room that is looked at. */
function shownFeed() {
  return feedOf(roomIds.get(selected) ?? "");
}

function statusOf(id) {
  return statuses.find((status) => status.live_id === id) ?? null;
}

function show(...what) {
  byId("answer").replaceChildren(...what);
}

function draw() {
  fillIn();
  const status = statusOf(selected);
  const demo = status !== null && rooms.isDemo(status);
  document.title = (demo ? `[${t("demo")}] ` : "") + t("relay.title");
  byId("demo-band").hidden = !demo;
  byId("start").textContent = t(busy === "start" ? "relay.starting" : "relay.start");
  byId("start").disabled = busy !== "";
  byId("play").hidden = fixtures.length === 0;
  byId("play-button").disabled = busy !== "";
  byId("stop").disabled = busy !== "" || !status?.is_running;
  const [state, reason] = status === null ? ["stopped", ""] : [status.state, status.reason];
  const said = stateBadge("chat", state, reason);
  // said anew only when it is another, or a screen reader would repeat it every two seconds
  if (byId("state").textContent !== said.textContent) byId("state").replaceChildren(said);
  byId("curl").textContent = curl(selected || NO_ROOM);
  roomList.draw(statuses, selected, (one) => rooms.isDemo(one));
  drawFacts(status);
  drawCounters();
  drawCurve(shownFeed().rate());
  drawPause();
  drawLink();
}

function drawLink() {
  byId("connection").replaceChildren(stateBadge("link", link));
  const band = byId("lost-band");
  const text = link === "lost" ? `✕ ${t("lost.band", { time: clock(lostAt) })}` : "";
  if (band.textContent !== text) band.textContent = text;
  band.hidden = link !== "lost";
}

function drawCounters() {
  const counts = statusOf(selected)?.counts ?? {};
  place(byId("counters"), KINDS.map((kind) => tileOf(kind)));
  for (const [kind, tile] of tiles) {
    const button = tile.firstElementChild;
    button.setAttribute("aria-pressed", String(!hidden.has(kind)));
    button.replaceChildren(
      el("b", {}),
      el("span", {}, named("kind", kind)),
      el("code", { class: "soft" }, kind),
      el("small", { class: "soft" }, t("relay.counters.all", { n: count(counts[kind] ?? 0) })),
    );
  }
  drawCounts();
}

function drawCounts() {
  const { counts } = shownFeed();
  for (const [kind, tile] of tiles) tile.querySelector("b").textContent = count(counts.get(kind) ?? 0);
}

function tileOf(kind) {
  if (!tiles.has(kind)) {
    const toggle = () => {
      if (!hidden.delete(kind)) hidden.add(kind);
      drawCounters();
      drawMessages();
    };
    tiles.set(kind, el("li", { "data-kind": kind }, el("button", { type: "button", click: toggle })));
  }
  return tiles.get(kind);
}

/** The whole list anew. */
function drawMessages() {
  arrived = [];
  const shown = shownFeed().latest(new Set(KINDS.filter((kind) => !hidden.has(kind))));
  list.replaceChildren(...shown.map(row));
  byId("nothing").hidden = shown.length > 0;
}

/** Put what came since the last time to the rows that are there. */
function drawArrived() {
  waiting = false;
  drawCounts();
  if (paused) return drawPause();
  const fresh = arrived.filter(({ type }) => !hidden.has(type)).slice(-ROWS);
  arrived = [];
  list.prepend(...fresh.reverse().map(row));
  while (list.children.length > ROWS) list.lastElementChild.remove();
  byId("nothing").hidden = list.children.length > 0;
}

function drawPause() {
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? t("relay.go.on", { n: count(arrived.length) }) : t("relay.pause");
}

function row({ type, data, raw, at }) {
  if (byId("raw").checked) return el("li", {}, el("code", {}, raw));
  return el(
    "li",
    { class: `comment ${type}` },
    el("time", { class: "soft" }, clock(at)),
    " ",
    rooms.isDemo(data) && demoBadge(),
    kindBadge(type, data),
    data.user && el("b", {}, data.user),
    " ",
    says(type, data),
  );
}

async function copy() {
  let done = true;
  try {
    await navigator.clipboard.writeText(byId("curl").textContent);
  } catch {
    done = false; // not allowed: the text is marked, so that two keys do it
    getSelection().selectAllChildren(byId("curl"));
  }
  byId("copied").textContent = t(done ? "relay.copied" : "relay.copy.marked");
}
