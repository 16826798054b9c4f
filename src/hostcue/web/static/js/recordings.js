/** The recordings: what each is doing, what it got, and its segments. */

import { errorBox, post } from "./api.js";
import { byId, el, nothing, place } from "./dom.js";
import { bitrate, bytes, length, moment, percent } from "./format.js";
import { named, t } from "./i18n.js";
import { SegmentStrip } from "./segments.js";
import { demoBadge, stateBadge } from "./status.js";

const OVER = new Set(["stopped", "failed"]);

export class Recordings {
  #rooms;
  #cards = new Map();
  #running = byId("running");
  #ended = byId("ended");
  #onStopped;
  #loaded = false;
  #absent = false;
  #idle = false;

  constructor(rooms, onStopped) {
    this.#rooms = rooms;
    this.#onStopped = onStopped;
  }

  /** Those under way now. */
  get running() {
    return [...this.#cards.values()].map((card) => card.status).filter((status) => !OVER.has(status.state));
  }

  /** Take the statuses of all recordings, the newest first. */
  show(statuses) {
    this.#loaded = true;
    for (const status of statuses) {
      const card = this.#cards.get(status.recording_id) ?? new Card(status.recording_id, this.#rooms, this.#onStopped);
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

  /** The server runs without its recording part. */
  absent() {
    this.#absent = true;
    byId("form").hidden = true;
    this.draw();
  }

  draw() {
    if (this.#absent) place(this.#running, [el("p", { class: "nothing" }, t("recordings.absent"))]);
    if (!this.#loaded) return;
    const shown = [...this.#cards.values()].filter((card) => this.#rooms.isShown(card.status));
    for (const card of shown) card.draw();
    const ended = shown.filter((card) => OVER.has(card.status.state));
    const running = shown.filter((card) => !OVER.has(card.status.state));
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

  #empty() {
    const next = this.#rooms.selected ? "recordings.empty.filtered" : "recordings.empty.next";
    return nothing(t("recordings.empty"), t(next));
  }
}

class Card {
  status;
  strip;
  #rooms;
  #onStopped;
  #stopping = false;
  #head = el("header", {});
  #facts = el("dl", { class: "facts" });
  #problem = el("div", {});
  #stop = el("button", { type: "button", class: "stop", click: () => this.#ask() });

  constructor(recordingId, rooms, onStopped) {
    this.#rooms = rooms;
    this.#onStopped = onStopped;
    this.strip = new SegmentStrip(rooms, recordingId);
    this.element = el("article", { class: "recording" }, this.#head, this.#problem, this.#facts, this.strip.element);
  }

  draw() {
    const status = this.status;
    const over = OVER.has(status.state);
    const name = status.anchor_name || status.live_id;
    this.element.dataset.state = status.state;
    this.#stop.textContent = t(this.#stopping ? "recordings.stopping" : "recordings.stop");
    this.#stop.setAttribute("aria-label", t("recordings.stop.label", { room: name }));
    this.#stop.disabled = this.#stopping;
    place(this.#head, [
      this.#rooms.isDemo(status) && demoBadge(),
      el("h3", {}, name),
      stateBadge("state", status.state, status.reason),
      el("span", { class: "soft title" }, [t("fact.since", { time: moment(status.since) }), status.title].filter(Boolean).join(" · ")),
      !over && this.#stop,
    ]);
    this.#facts.replaceChildren(...facts(status).map(([key, value]) => el("div", {}, el("dt", {}, t(key)), el("dd", {}, value))));
    this.strip.draw();
  }

  async #ask() {
    this.#stopping = true;
    this.draw();
    try {
      this.status = await post("/api/recording/stop", { recording_id: this.status.recording_id });
      this.#problem.replaceChildren();
    } catch (error) {
      this.#problem.replaceChildren(errorBox(error));
    } finally {
      this.#stopping = false;
      this.draw();
      this.#onStopped();
    }
  }
}

/** How many there are in each state: the recordings may be out of sight. */
function counts(cards) {
  const states = new Map();
  for (const { status } of cards) states.set(status.state, (states.get(status.state) ?? 0) + 1);
  return [...states].map(([state, n]) => stateBadge("state", state, "", n));
}

function facts(status) {
  return [
    ["fact.quality", quality(status)],
    ["fact.coverage", percent(status.coverage)],
    ["fact.segments", t("fact.segments.value", { n: status.segments, size: bytes(status.bytes) })],
    ["fact.bitrate", bitrate(status.bitrate)],
    ["fact.gaps", gaps(status.gaps)],
    ["fact.disk", bytes(status.free_bytes)],
  ];
}

function quality(status) {
  const got = named("quality", status.quality);
  const wanted = named("quality", status.quality_wanted);
  const text = got === wanted ? got : t("fact.quality.wanted", { got, wanted });
  const media = status.width
    ? `${status.width}×${status.height} ${status.video_codec} ${Math.round(status.fps)} fps`
    : "";
  return [text, media].filter(Boolean).join(" · ");
}

function gaps(list) {
  if (list.length === 0) return t("fact.gaps.none");
  const total = list.reduce((sum, gap) => sum + (gap.end_ts ?? Date.now()) - gap.start_ts, 0);
  const cause = named("reason", list[list.length - 1].cause);
  return t("fact.gaps.value", { n: list.length, length: length(total), cause });
}
