/** The recordings: those under way, those that are over, and how many there are of each. */

import { byId, el, nothing, place } from "./dom.js";
import { t } from "./i18n.js";
import { RecordingCard } from "./recording.js";
import { stateBadge } from "./status.js";

export class Recordings {
  #rooms;
  #cards = new Map();
  #running = byId("running");
  #ended = byId("ended");
  #onAsked;
  #loaded = false;
  #absent = false;
  #idle = false;

  /** `onAsked` runs after the operator stopped a recording or marked it to keep. */
  constructor(rooms, onAsked) {
    this.#rooms = rooms;
    this.#onAsked = onAsked;
  }

  /** Those under way now, watched rooms that are not live included. */
  get running() {
    return [...this.#cards.values()].filter((card) => !card.isOver).map((card) => card.status);
  }

  /** Take the statuses of all recordings, the newest first. */
  show(statuses) {
    this.#loaded = true;
    for (const status of statuses) {
      const known = this.#cards.get(status.recording_id);
      const card = known ?? new RecordingCard(status.recording_id, this.#rooms, this.#onAsked);
      this.#cards.set(status.recording_id, card);
      card.status = status;
    }
    this.draw();
  }

  /** Take rows of the segment index. */
  addSegments(rows) {
    for (const [id, card] of this.#cards) {
      const own = rows.filter((row) => row.recording_id === id);
      if (own.length) card.strip.add(own);
    }
  }

  /** A segment's file is gone. */
  removeFile(recordingId, seq) {
    this.#cards.get(recordingId)?.strip.removeFile(seq);
  }

  /** The server runs without its recording part. */
  absent() {
    this.#absent = true;
    for (const id of ["form", "disk", "alarms"]) byId(id).hidden = true;
    this.draw();
  }

  draw() {
    if (this.#absent) place(this.#running, [el("p", { class: "nothing" }, t("recordings.absent"))]);
    if (!this.#loaded) return;
    const shown = [...this.#cards.values()].filter((card) => this.#rooms.isShown(card.status));
    for (const card of shown) card.draw();
    const ended = shown.filter((card) => card.isOver);
    const running = shown.filter((card) => !card.isOver).sort((a, b) => a.isWaiting - b.isWaiting);
    place(this.#running, running.length || ended.length ? running.map((card) => card.element) : [this.#empty()]);
    place(this.#ended, ended.map((card) => card.element));
    const folded = byId("ended-recordings");
    folded.hidden = ended.length === 0;
    // once nothing is under way, the last recording is what one wants to see
    if (running.length === 0 && !this.#idle) folded.open = true;
    this.#idle = running.length === 0;
    byId("ended-title").textContent = t("recordings.ended", { n: ended.length });
    byId("summary").replaceChildren(...counts(running));
  }

  /** Say again how long things last. */
  tick() {
    for (const card of this.#cards.values()) card.tick();
  }

  #empty() {
    const next = this.#rooms.selected ? "recordings.empty.filtered" : "recordings.empty.next";
    return nothing(t("recordings.empty"), t(next));
  }
}

/** How many there are in each state: the recordings may be out of sight. */
function counts(cards) {
  const states = new Map();
  for (const { status } of cards) states.set(status.state, (states.get(status.state) ?? 0) + 1);
  return [...states].map(([state, n]) => stateBadge("state", state, "", n));
}
