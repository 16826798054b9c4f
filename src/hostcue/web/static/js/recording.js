/** One recording: what it is doing, what comes next, what it got, and its segments. */

import { errorBox, post } from "./api.js";
import { badge, el, place } from "./dom.js";
import { bitrate, bytes, clock, every, length, moment, percent } from "./format.js";
import { named, t } from "./i18n.js";
import { SegmentStrip } from "./segments.js";
import { scheduleText } from "./showtimes.js";
import { demoBadge, reasonText, stateBadge } from "./status.js";

const OVER = new Set(["stopped", "failed"]);

export class RecordingCard {
  status;
  strip;
  #rooms;
  #onAsked;
  #stopping = false;
  #head = el("header", {});
  #next = el("p", { class: "next" });
  #facts = el("dl", { class: "facts" });
  #problem = el("div", {});
  #pin = el("button", { type: "button", class: "quiet pin", click: () => this.#keep() });
  #stop = el("button", { type: "button", class: "stop", click: () => this.#end() });

  constructor(recordingId, rooms, onAsked) {
    this.#rooms = rooms;
    this.#onAsked = onAsked;
    this.strip = new SegmentStrip(rooms, recordingId);
    this.element = el(
      "article",
      { class: "recording" },
      this.#head,
      this.#problem,
      this.#next,
      this.#facts,
      this.strip.element,
    );
  }

  get isOver() {
    return OVER.has(this.status.state);
  }

  /** Whether it is only watched: what is recorded matters more. */
  get isWaiting() {
    return this.status.state === "monitoring";
  }

  draw() {
    const { status } = this;
    this.element.dataset.state = status.state;
    this.#drawButtons();
    place(this.#head, [
      this.#rooms.isDemo(status) && demoBadge(),
      el("h3", {}, this.#rooms.nameOf(status)),
      stateBadge("state", status.state, status.reason),
      status.monitor && !this.isWaiting && !this.isOver && badge("room", t("recordings.monitor")),
      el("span", { class: "soft title" }, [t("fact.since", { time: moment(status.since) }), status.title].filter(Boolean).join(" · ")),
      this.#pin,
      !this.isOver && this.#stop,
    ]);
    this.#facts.replaceChildren(
      ...facts(status).map(([key, value, tone = ""]) => el("div", {}, el("dt", {}, t(key)), el("dd", { class: tone }, value))),
    );
    this.strip.lasting = this.isOver ? undefined : lasting(status);
    this.strip.element.hidden = status.segments === 0 && status.state !== "recording" && !this.strip.lasting;
    this.strip.draw();
    this.tick();
  }

  /** Say again how long it lasts, and when something happens next. */
  tick() {
    const text = next(this.status);
    this.#next.hidden = text === "";
    if (this.#next.textContent !== text) this.#next.textContent = text;
    this.strip.tick();
  }

  #drawButtons() {
    const room = this.#rooms.nameOf(this.status);
    this.#stop.textContent = t(this.#stopping ? "recordings.stopping" : "recordings.stop");
    this.#stop.setAttribute("aria-label", t(this.isWaiting ? "recordings.watch.stop.label" : "recordings.stop.label", { room }));
    this.#stop.disabled = this.#stopping;
    this.#pin.textContent = `${this.status.pinned ? "★" : "☆"} ${t("recordings.pin")}`;
    this.#pin.setAttribute("aria-pressed", String(this.status.pinned));
    this.#pin.setAttribute("aria-label", t("recordings.pin.label", { room }));
    this.#pin.title = t("recordings.pin.label", { room });
  }

  async #end() {
    this.#stopping = true;
    this.draw();
    await this.#ask("/api/recording/stop", {});
    this.#stopping = false;
    this.draw();
  }

  #keep() {
    return this.#ask("/api/recording/pin", { pinned: !this.status.pinned });
  }

  async #ask(path, body) {
    try {
      this.status = await post(path, { recording_id: this.status.recording_id, ...body });
      this.#problem.replaceChildren();
    } catch (error) {
      this.#problem.replaceChildren(errorBox(error));
    }
    this.draw();
    this.#onAsked();
  }
}

/** The gap that lasts, if one does. */
function lasting({ gaps }) {
  const newest = gaps[gaps.length - 1];
  return newest?.end_ts === null ? newest : undefined;
}

/** What is going on where nothing is recorded, and what comes next. */
function next(status) {
  const since = Math.min(lasting(status)?.start_ts ?? status.since, Date.now());
  switch (status.state) {
    case "reconnecting":
    case "paused_disk":
      return t(`now.${status.state}`, { length: length(Date.now() - since) });
    case "monitoring":
      return nextCheck(status);
    default:
      return "";
  }
}

function nextCheck({ reason, next_check: at }) {
  if (reason === "limit_reached") return t("now.limit_reached");
  if (at === null || at <= Date.now()) return t("now.checking");
  if (reason === "off_schedule") return t("now.off_schedule", { time: moment(at) });
  return t("now.check", { time: clock(at), length: length(Math.ceil((at - Date.now()) / 1000) * 1000) });
}

function facts(status) {
  const never = status.segments === 0 && ["monitoring", "paused_disk"].includes(status.state);
  const access = ["cookie", "proxy"].filter((kind) => status[`has_${kind}`]);
  return [
    ...(never ? [["fact.quality", named("quality", status.quality_wanted)]] : got(status)),
    status.schedule.length > 0 && ["fact.schedule", scheduleText(status.schedule)],
    status.aligned && ["fact.cut", t("fact.cut.aligned", { text: every(status.segment_time) })],
    access.length > 0 && ["fact.access", access.map((kind) => t(`fact.access.${kind}`)).join(t("schedule.between"))],
  ].filter(Boolean);
}

function got(status) {
  return [
    quality(status),
    status.bytes + status.gap_count > 0 && ["fact.coverage", percent(status.coverage)],
    ["fact.gaps", gaps(status)],
    ["fact.segments", t("fact.segments.value", { n: status.segments, size: bytes(status.bytes) })],
    status.bitrate !== null && ["fact.bitrate", bitrate(status.bitrate)],
  ].filter(Boolean);
}

/** What was asked for is said where it is not what came. */
function quality(status) {
  const got = named("quality", status.quality);
  const wanted = named("quality", status.quality_wanted);
  const text = got === wanted ? got : `▲ ${t("fact.quality.wanted", { got, wanted })}`;
  const media = status.width
    ? `${status.width}×${status.height} ${status.video_codec} ${Math.round(status.fps)} fps`
    : "";
  return ["fact.quality", [text, media].filter(Boolean).join(" · "), got === wanted ? "" : "warn"];
}

function gaps({ gaps: newest, gap_count: n, gap_ms: total }) {
  if (n === 0) return t("fact.gaps.none");
  const cause = newest.length ? reasonText(newest[newest.length - 1].cause) : "";
  return t("fact.gaps.value", { n, length: length(total), cause });
}
