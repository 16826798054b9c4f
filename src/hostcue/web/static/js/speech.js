/** Listening to the host: which rooms are listened to and how well, and what was said. */

import { errorBox, get, post } from "./api.js";
import { byId, el, nothing, place } from "./dom.js";
import { ListenerItem, UnheardItem } from "./listeners.js";
import { t } from "./i18n.js";
import { Transcript } from "./transcript.js";

const SINCE_MS = 10 * 60_000;
const MINUTE_MS = 60_000;
const SHORTEST_HOLE_MS = 1000;
const HEARD_IN = new Set(["recording", "reconnecting"]);

export class Speech {
  #rooms;
  #running;
  #transcript;
  #sessions = [];
  #health = null;
  #items = new Map();
  #unheard = new Map();
  #absent = false;

  /** `running` gives the recordings under way. */
  constructor(rooms, running) {
    this.#rooms = rooms;
    this.#running = running;
    this.#transcript = new Transcript(rooms);
    this.#transcript.whenEmpty(() => this.#empty());
    byId("listen").addEventListener("submit", (event) => this.#listen(event));
  }

  /** The broadcasts that are listened to. */
  get roomIds() {
    return this.#sessions.map(({ room_id: id }) => id).filter(Boolean);
  }

  /** Ask the server who is listened to. */
  async load() {
    const sessions = await get("/api/live_audio/sessions");
    this.#rooms.learn(sessions);
    this.#sessions = sessions.filter((session) => session.is_running);
    this.#drawListeners();
  }

  /** Ask the server whether it can listen at all. */
  async loadHealth() {
    this.#health = await get("/api/live_audio/health");
    this.draw();
    // a hole of the stream is known once something is heard behind it
    for (const roomId of this.roomIds) await this.#loadHoles(roomId, lately(roomId));
  }

  /** Take what is stored of a room's last minutes. */
  async loadStored(roomId) {
    const window = lately(roomId);
    const stored = await get("/api/live_audio/transcript", window);
    this.#transcript.addSentences(stored.map((row) => ({ ...row, room_id: roomId })));
    await this.#loadHoles(roomId, window);
  }

  async #loadHoles(roomId, window) {
    const { heard } = await get("/api/live_audio/coverage", window);
    this.#transcript.setHoles(roomId, between(heard));
  }

  /** Take an event of the stream. */
  take(type, data) {
    if (type === "final") this.#transcript.addSentences([data]);
    if (type === "gap") this.#transcript.addGaps([data]);
    if (type === "partial") this.#transcript.showPartial(data);
    if (type === "level") this.#items.get(data.session_id)?.hear(data);
    if (type === "state" && data.state !== "listening") this.#transcript.endPartial(data.session_id);
  }

  /** All that is stored has been taken: an empty list is empty from now on. */
  loaded() {
    this.#transcript.draw();
  }

  /** The server runs without its speech part. */
  absent() {
    this.#absent = true;
    byId("listen-form").hidden = true;
    this.draw();
  }

  draw() {
    this.#drawSetup();
    this.#drawListeners();
    this.#transcript.draw();
  }

  tick() {
    this.#transcript.tick();
  }

  #empty() {
    if (this.#absent) return el("p", { class: "nothing" }, t("speech.absent"));
    return this.#health?.ready ? nothing(t("speech.empty"), t("speech.empty.next")) : null;
  }

  /** One line on how to set it up: a server that does not listen is not broken. */
  #drawSetup() {
    const lacking = !this.#absent && this.#health !== null && !this.#health.ready;
    byId("speech-setup").hidden = !lacking;
    if (!lacking) return;
    const { remedy } = this.#health;
    byId("speech-setup").replaceChildren(
      t(`speech.lacks.${lack(this.#health)}`),
      ...(remedy ? [" → ", el("code", {}, remedy)] : []),
    );
  }

  #drawListeners() {
    if (this.#absent) return;
    const shown = this.#sessions.filter((session) => this.#rooms.isShown(session));
    const items = shown.map((session) => {
      const item = this.#itemOf(session.session_id);
      item.draw(session, shown.length > 1);
      return item.element;
    });
    const ready = this.#health?.ready === true;
    const offers = ready ? this.#offers() : [];
    place(byId("listeners"), [...items, ...offers]);
    byId("listeners").hidden = items.length + offers.length === 0;
    byId("listen-form").hidden = !ready;
  }

  /** What is recorded without being listened to. */
  #offers() {
    const heard = new Set(this.#sessions.flatMap((one) => [one.recording_id, one.room_id]));
    const unheard = this.#running().filter(
      (one) => HEARD_IN.has(one.state) && !heard.has(one.recording_id) && !heard.has(one.room_id),
    );
    return unheard
      .filter((recording) => this.#rooms.isShown(recording))
      .map((recording) => {
        const item = this.#offerOf(recording.recording_id);
        item.draw(this.#rooms.nameOf(recording));
        return item.element;
      });
  }

  #itemOf(id) {
    if (!this.#items.has(id)) this.#items.set(id, new ListenerItem(this.#rooms, () => this.#stop(id)));
    for (const known of this.#items.keys()) {
      if (!this.#sessions.some(({ session_id: one }) => one === known)) this.#items.delete(known);
    }
    return this.#items.get(id);
  }

  #offerOf(recordingId) {
    if (!this.#unheard.has(recordingId)) {
      const start = () => this.#ask("start", { recording_id: recordingId });
      this.#unheard.set(recordingId, new UnheardItem(start));
    }
    return this.#unheard.get(recordingId);
  }

  #stop(sessionId) {
    return this.#ask("stop", { session_id: sessionId });
  }

  async #listen(event) {
    event.preventDefault();
    const [link, button] = [byId("listen-link"), byId("listen-button")];
    if (button.disabled) return;
    if (!link.value.trim()) return this.#complain(link);
    button.disabled = true;
    button.textContent = t("speech.starting");
    if (await this.#ask("start", { live_url: link.value.trim() })) {
      link.value = "";
      byId("listen-form").open = false;
    }
    button.disabled = false;
    button.textContent = t("speech.start");
  }

  #complain(link) {
    byId("listen-answer").replaceChildren(el("div", { class: "error", role: "alert" }, `✕ ${t("speech.needs")}`));
    link.focus();
  }

  /** Whether it worked; what did not is said below the controls. */
  async #ask(what, body) {
    try {
      await post(`/api/live_audio/${what}`, body);
      byId("listen-answer").replaceChildren();
      return true;
    } catch (error) {
      byId("listen-answer").replaceChildren(errorBox(error));
      return false;
    } finally {
      await this.load().catch((error) => console.warn("hostcue:", error.message));
    }
  }
}

function lately(roomId) {
  return { room_id: roomId, start_ts: Date.now() - SINCE_MS, end_ts: Date.now() + MINUTE_MS };
}

/** What was not heard between what was; shorter holes are seams. */
function between(heard) {
  const holes = heard.slice(1).map(({ start_ts: end }, index) => ({ start_ts: heard[index].end_ts, end_ts: end }));
  return holes.filter((hole) => hole.end_ts - hole.start_ts >= SHORTEST_HOLE_MS);
}

/** What keeps the server from listening. */
function lack({ state, error, extra_installed: extra, model_present: model, vad_present: vad }) {
  if (state === "off") return "off";
  if (!extra) return "extra";
  if (error === "model_refused") return "refused";
  if (!model) return "model";
  return vad ? "other" : "vad";
}
