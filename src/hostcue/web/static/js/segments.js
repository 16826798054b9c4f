/** The segments of one recording as a strip of pictures; a click plays one. */

import { address, get } from "./api.js";
import { badge, el, openDialog, place } from "./dom.js";
import { clock, moment } from "./format.js";
import { locale, named, t } from "./i18n.js";
import { demoBadge } from "./status.js";

const SHOWN = 24;
const PICTURE_HEIGHT = 120;

export class SegmentStrip {
  #rooms;
  #recording;
  #cards = new Map();
  #drawnFor = "";
  #list = el("ol", { class: "strip", tabindex: 0 });

  constructor(rooms, recordingId) {
    this.#rooms = rooms;
    this.#recording = { recording_id: recordingId };
  }

  get element() {
    return this.#list;
  }

  /** Take rows of the index; those known already stay as they are. */
  add(rows) {
    for (const row of rows) {
      if (!this.#cards.has(row.seq)) this.#cards.set(row.seq, { row, image: picture(row) });
    }
    const kept = [...this.#cards].sort(([a], [b]) => b - a).slice(0, SHOWN);
    this.#cards = new Map(kept);
    this.draw();
  }

  /** Draw what is new; all of it when the language or the room's marks became others. */
  draw() {
    const cards = [...this.#cards.values()];
    const name = this.#rooms.nameOf(this.#recording);
    const drawnFor = [locale(), name, this.#rooms.isDemo(this.#recording)].join();
    if (drawnFor !== this.#drawnFor) for (const card of cards) card.element = undefined;
    this.#drawnFor = drawnFor;
    for (const card of cards) card.element ??= this.#card(card);
    this.#list.setAttribute("aria-label", t("segments.label", { room: name }));
    const empty = el("li", { class: "soft" }, t("segments.empty"));
    place(this.#list, cards.length ? cards.map((card) => card.element) : [empty]);
  }

  #card({ row, image }) {
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

function picture(row) {
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
