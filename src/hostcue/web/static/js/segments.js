/** The segments of one recording as a strip of pictures, what is missing between them included. */

import { address, get } from "./api.js";
import { badge, el, openDialog, place } from "./dom.js";
import { clock, length, moment } from "./format.js";
import { locale, named, t } from "./i18n.js";
import { demoBadge, reasonText } from "./status.js";

const SHOWN = 24;
const PICTURE_HEIGHT = 120;

export class SegmentStrip {
  /** The gap that lasts now, if one does: it stands before the newest segment. */
  lasting;
  #rooms;
  #recording;
  #cards = new Map();
  #drawnFor = "";
  #list = el("ol", { class: "strip", tabindex: 0 });
  #now = { element: undefined, gap: undefined, label: undefined };

  constructor(rooms, recordingId) {
    this.#rooms = rooms;
    this.#recording = { recording_id: recordingId };
  }

  get element() {
    return this.#list;
  }

  /** Take rows of the index; those known already stay as they are, unless their file is gone. */
  add(rows) {
    for (const row of rows) {
      const known = this.#cards.get(row.seq);
      if (known?.row.status !== row.status) this.#cards.set(row.seq, { row, image: picture(row) });
    }
    const kept = [...this.#cards].sort(([a], [b]) => b - a).slice(0, SHOWN);
    this.#cards = new Map(kept);
    this.draw();
  }

  /** A segment's file is gone; its row stays. */
  removeFile(seq) {
    const known = this.#cards.get(seq);
    if (known) this.add([{ ...known.row, status: "deleted" }]);
  }

  /** Draw what is new; all of it when the language or the room's marks became others. */
  draw() {
    const cards = [...this.#cards.values()];
    const name = this.#rooms.nameOf(this.#recording);
    const drawnFor = [locale(), name, this.#rooms.isDemo(this.#recording)].join();
    if (drawnFor !== this.#drawnFor) {
      for (const card of cards) card.parts = undefined;
      this.#now.gap = undefined;
    }
    this.#drawnFor = drawnFor;
    for (const card of cards) card.parts ??= this.#parts(card);
    this.#list.setAttribute("aria-label", t("segments.label", { room: name }));
    const shown = [this.#lasting(), ...cards.flatMap((card) => card.parts)].filter(Boolean);
    place(this.#list, shown.length ? shown : [el("li", { class: "soft" }, t("segments.empty"))]);
  }

  /** Say again how long the gap lasts. */
  tick() {
    if (!this.lasting || !this.#now.label) return;
    const missing = length(Date.now() - this.lasting.start_ts);
    this.#now.label.textContent = t("gap.missing", { length: missing });
  }

  #lasting() {
    if (!this.lasting) return null;
    if (this.#now.gap?.start_ts !== this.lasting.start_ts) {
      const element = gapItem(Date.now() - this.lasting.start_ts, this.lasting.start_ts, this.lasting.cause);
      element.classList.add("lasting");
      this.#now = { element, gap: this.lasting, label: element.querySelector("b") };
    }
    return this.#now.element;
  }

  /** A segment, and after it, since the newest come first, what is missing before it. */
  #parts({ row, image }) {
    const missing = row.gap_before_ms;
    return [
      row.status === "deleted" ? deletedItem(row) : this.#card(row, image),
      missing > 0 && gapItem(missing, row.start_ts - missing, row.gap_before_cause),
    ].filter(Boolean);
  }

  #card(row, image) {
    const time = `${clock(row.start_ts)} – ${clock(row.end_ts)}`;
    const demo = this.#rooms.isDemo(row);
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "segment",
          "data-seq": row.seq,
          "aria-label": t("segments.play", { seq: row.seq, time }),
          click: () => play(row, this.#rooms.nameOf(row), demo),
        },
        image,
        el("span", { class: "caption" }, el("b", {}, `#${row.seq}`), demo && demoBadge()),
        el("span", { class: "caption" }, clock(row.start_ts)),
        row.status !== "ready" && badge("state warn", named("segment", row.status), "▲"),
      ),
    );
  }
}

/** One row of the index. */
export async function segment(recordingId, seq) {
  const rows = await get("/api/recording/segments", {
    recording_id: recordingId,
    after: seq - 1,
    limit: 1,
  });
  return rows.find((row) => row.seq === seq);
}

function gapItem(ms, from, code) {
  const [missing, cause] = [length(ms), reasonText(code ?? "")];
  return el(
    "li",
    { class: "gap", title: t("gap.label", { length: missing, from: clock(from), cause }) },
    el("span", { class: "sign", "aria-hidden": "true" }, "▲"),
    el("b", {}, t("gap.missing", { length: missing })),
    el("span", {}, cause),
  );
}

function deletedItem(row) {
  const time = `${clock(row.start_ts)} – ${clock(row.end_ts)}`;
  return el(
    "li",
    { class: "deleted", "data-seq": row.seq, title: t("segments.deleted", { seq: row.seq, time }) },
    el("span", { class: "no-picture" }, named("segment", row.status)),
    el("span", { class: "caption" }, el("b", {}, `#${row.seq}`)),
    el("span", { class: "caption" }, clock(row.start_ts)),
  );
}

function picture(row) {
  if (row.status === "deleted") return null;
  const shape = row.height ? row.width / row.height : 9 / 16;
  const image = el("img", {
    src: address(`/api/recording/segments/${row.recording_id}/${row.seq}/frame`),
    height: PICTURE_HEIGHT,
    width: Math.round(PICTURE_HEIGHT * Math.min(2, Math.max(0.5, shape))),
    loading: "lazy",
    alt: "",
    error: () => image.replaceWith(el("span", { class: "no-picture" }, t("segments.no.picture"))),
  });
  return image;
}

function play(row, name, demo) {
  const source = address(`/api/recording/segments/${row.recording_id}/${row.seq}/media`);
  const format = row.path.slice(row.path.lastIndexOf(".") + 1);
  const problem = el("p", { class: "error", hidden: true }, t("player.cannot", { format }));
  const video = el("video", {
    src: source,
    controls: true,
    autoplay: true,
    playsinline: true,
    error: () => (problem.hidden = false),
  });
  openDialog(
    t("player.title", { seq: row.seq, room: name }),
    t("close"),
    demo && demoBadge(),
    video,
    problem,
    el("p", { class: "soft" }, `${moment(row.start_ts)} – ${clock(row.end_ts)} · ${named("segment", row.status)}`),
    el("p", {}, el("a", { href: source, download: row.path.slice(row.path.lastIndexOf("/") + 1) }, t("player.download"))),
  ).classList.add("player");
}
