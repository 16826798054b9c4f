/** The live view: brings its parts together and keeps them fed. */

import { Alarms } from "./alarms.js";
import { get } from "./api.js";
import { Chats } from "./chats.js";
import { Comments } from "./comments.js";
import { Disk } from "./disk.js";
import { byId, el } from "./dom.js";
import { EventStream } from "./events.js";
import { startForm } from "./form.js";
import { clock } from "./format.js";
import { fillIn, onLanguage, switchLanguage, t } from "./i18n.js";
import { Lines } from "./lines.js";
import { Notices } from "./notices.js";
import { Prompter } from "./prompter.js";
import { Recordings } from "./recordings.js";
import { Rooms } from "./rooms.js";
import { segment } from "./segments.js";
import { Speech } from "./speech.js";
import { stateBadge } from "./status.js";

const STATUS_EVERY_MS = 3000;
const NOTICES_EVERY_MS = 10_000; // the disk and what was sent as well
const TICK_EVERY_MS = 1000;
const SEGMENTS_AT_FIRST = 200;
const LINES_AT_FIRST = 200;
const COMMENTS_SINCE_MS = 3 * 60_000;

const rooms = new Rooms();
const recordings = new Recordings(rooms, () => loadStatus());
const lines = new Lines(rooms, () => recordings.running);
const comments = new Comments(rooms);
const chats = new Chats(rooms);
const speech = new Speech(rooms, () => recordings.running);
const disk = new Disk(quietly(loadCleaned));
const alarms = new Alarms(rooms);
const notices = new Notices(rooms, disk);
const links = { recording: "connecting", comments: "connecting", speech: "connecting" };
let lostAt = 0;
let formFolded = false;

startForm(() => loadStatus());
new Prompter(lines);
byId("language").addEventListener("click", switchLanguage);
byId("room").addEventListener("change", ({ target }) => rooms.select(target.value));
rooms.onChange(draw);
onLanguage(draw);

new EventStream("/api/recording/events", {}, {
  onOpen: quietly(loadRecordings),
  onEvent: quietly(takeRecordingEvent),
  onState: (state) => setLink("recording", state),
});
new EventStream("/api/douyin/web/stream", {}, {
  onOpen: quietly(loadComments),
  onEvent: takeComment,
  onState: (state) => setLink("comments", state),
});
new EventStream("/api/live_audio/events", {}, {
  onOpen: quietly(loadSpeech),
  onEvent: takeSpeech,
  onState: (state) => setLink("speech", state),
});
repeat(STATUS_EVERY_MS, loadStatus);
repeat(STATUS_EVERY_MS, loadChats);
repeat(STATUS_EVERY_MS, loadListeners);
repeat(NOTICES_EVERY_MS, loadHealth);
repeat(NOTICES_EVERY_MS, loadDisk);
repeat(NOTICES_EVERY_MS, () => notices.load());
repeat(NOTICES_EVERY_MS, loadAlarms);
repeat(TICK_EVERY_MS, async () => {
  recordings.tick();
  lines.tick();
  comments.tick();
  speech.tick();
});

function draw() {
  fillIn();
  drawFilter();
  drawLink();
  document.title = (rooms.anyDemo ? `[${t("demo")}] ` : "") + t("product.long");
  byId("demo-band").hidden = !rooms.anyDemo;
  document.body.classList.toggle("is-demo", rooms.anyDemo);
  recordings.draw();
  lines.draw();
  comments.draw();
  chats.draw();
  speech.draw();
  disk.draw();
  alarms.draw();
  notices.draw();
}

function drawFilter() {
  const known = rooms.all;
  // an address may name a room that has not been seen yet
  if (rooms.selected && !known.some(([key]) => key === rooms.selected)) known.push([rooms.selected, rooms.selected]);
  byId("room").replaceChildren(
    el("option", { value: "" }, t("filter.all")),
    ...known.map(([value, name]) => el("option", { value, selected: value === rooms.selected }, name)),
  );
}

async function loadStatus() {
  if (links.recording === "absent") return;
  const statuses = await get("/api/recording/status");
  rooms.learn(statuses);
  const waited = statesOf(recordings.running);
  recordings.show(statuses);
  if (statesOf(recordings.running) !== waited) lines.draw();
  if (recordings.running.some(({ state }) => state !== "monitoring") && !formFolded) {
    // once something runs, the room belongs to the lines
    formFolded = true;
    byId("form").open = false;
  }
}

function statesOf(running) {
  return running.map(({ state }) => state).join();
}

async function loadDisk() {
  if (links.recording === "absent") return;
  await disk.load();
  notices.draw(); // they tell the disk's figures
}

/** After a cleanup: what is left, and what is no longer wrong. */
async function loadCleaned() {
  await loadDisk();
  await notices.load();
  await loadRecordings();
}

async function loadAlarms() {
  if (links.recording !== "absent") await alarms.load();
}

async function loadRecordings() {
  await loadStatus();
  recordings.addSegments(await get("/api/recording/segments", { limit: SEGMENTS_AT_FIRST }));
  await loadTips({ limit: LINES_AT_FIRST });
}

async function loadTips(query) {
  let tips;
  try {
    tips = await get("/api/analysis/tips/latest", query);
  } catch (error) {
    if (error.status !== 404) throw error;
    lines.absent();
    return;
  }
  rooms.learnTips(tips);
  lines.add(tips);
}

async function loadChats() {
  if (links.comments !== "absent") await chats.load();
}

async function loadComments() {
  const since = Date.now() - COMMENTS_SINCE_MS;
  try {
    await loadStatus(); // it tells which rooms there are
    await loadChats();
    for (const roomId of roomsNow(chats.roomIds)) await comments.load(roomId, since);
  } finally {
    comments.loaded();
  }
}

async function loadListeners() {
  if (links.speech !== "absent") await speech.load();
}

async function loadHealth() {
  if (links.speech !== "absent") await speech.loadHealth();
}

async function loadSpeech() {
  try {
    await loadStatus(); // it tells which rooms there are
    await loadListeners();
    for (const roomId of roomsNow(speech.roomIds)) await speech.loadStored(roomId);
  } finally {
    speech.loaded();
  }
}

/** The broadcasts that are recorded, and these. */
function roomsNow(others) {
  const recorded = recordings.running.map((recording) => recording.room_id).filter(Boolean);
  return new Set([...recorded, ...others]);
}

function takeSpeech(type, data) {
  speech.take(type, data);
  if (type === "state") quietly(loadListeners)();
}

function takeComment(type, data) {
  comments.take(type, data);
  if (type === "status") quietly(loadChats)();
}

async function takeRecordingEvent(type, data) {
  if (type === "tips_ready") {
    await loadTips({ recording_id: data.recording_id, limit: data.tip_ids.length });
    return;
  }
  if (type === "segment_deleted") return recordings.removeFile(data.recording_id, data.seq);
  if (type.startsWith("disk_")) await loadDisk().then(() => notices.load());
  await loadStatus(); // before the segment: a recording's first may come before its start is answered
  if (type !== "segment_ready") return;
  const row = await segment(data.recording_id, data.seq);
  if (row) recordings.addSegments([row]);
}

function setLink(name, state) {
  if (state === "absent") withoutPart(name);
  if (state === "lost" && !isLost()) lostAt = Date.now();
  links[name] = state;
  drawLink();
}

function withoutPart(name) {
  if (name === "comments") return comments.absent();
  if (name === "speech") return speech.absent();
  recordings.absent();
  return quietly(loadTips)({ limit: LINES_AT_FIRST });
}

function isLost() {
  return Object.values(links).includes("lost");
}

function drawLink() {
  const worst = ["lost", "connecting"].find((state) => Object.values(links).includes(state)) ?? "open";
  byId("connection").replaceChildren(stateBadge("link", worst));
  const band = byId("lost-band");
  if (band.hidden !== isLost()) return;
  band.hidden = !isLost();
  band.textContent = isLost() ? `✕ ${t("lost.band", { time: clock(lostAt) })}` : "";
}

/** Failed calls in the background show as a lost line, which the streams tell; nothing else to do. */
function quietly(work) {
  return async (...args) => {
    try {
      await work(...args);
    } catch (error) {
      console.warn("hostcue:", error.message);
    }
  };
}

/** Again and again, never two at once, and not while nobody looks. */
function repeat(everyMs, work) {
  const once = quietly(work);
  const round = async () => {
    if (!document.hidden) await once();
    setTimeout(round, everyMs);
  };
  round();
}
