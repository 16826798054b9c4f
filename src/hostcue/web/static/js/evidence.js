/** What a line rests on: the comments, pictures and words, fetched when asked for. */

import { address, errorBox, get } from "./api.js";
import { el, openDialog } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { segment } from "./segments.js";
import { demoBadge, sourceBadge } from "./status.js";

const PAGE = 2000;

/** Open the evidence of a line. */
export async function openEvidence(tip, demo) {
  const place = el("div", { class: "evidence", "aria-busy": "true" });
  openDialog(
    t("evidence.title"),
    t("close"),
    el("p", { class: "quoted", lang: "zh-CN" }, tip.text),
    el("p", { class: "about" }, sourceBadge(tip), demo && demoBadge()),
    el("p", { class: "soft" }, origin(tip)),
    place,
  );
  try {
    place.replaceChildren(...(await content(tip)));
  } catch (error) {
    place.replaceChildren(errorBox(error));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** How much a line rests on, as its button says. */
export function evidenceText({ evidence }) {
  const parts = ["comments", "frames", "speech"]
    .filter((kind) => evidence[kind].length > 0)
    .map((kind) => t(`evidence.count.${kind}`, { n: evidence[kind].length }));
  return parts.length ? t("evidence.button", { parts: parts.join(" · ") }) : t("evidence.button.none");
}

function origin(tip) {
  const values = { model: tip.model, version: tip.prompt_version, score: tip.score.toFixed(2) };
  return t(tip.source === "ai" ? "evidence.model" : "evidence.template", values);
}

async function content(tip) {
  const { comments, frames, speech } = tip.evidence;
  if (comments.length + frames.length + speech.length === 0) return [el("p", {}, t("evidence.none"))];
  const needsWindow = comments.length + speech.length > 0;
  const row = needsWindow ? await segment(tip.recording_id, tip.seq) : undefined;
  const window = row && { room_id: tip.room_id, start_ts: row.start_ts, end_ts: row.end_ts };
  return [
    comments.length > 0 && commentList(window ? await commentsOf(window, comments) : [], comments.length),
    frames.length > 0 && pictures(frames),
    speech.length > 0 && window && (await words(window, speech)),
  ].filter(Boolean);
}

/** The comments with these ids, page by page until all are found. */
async function commentsOf(window, ids) {
  const wanted = new Set(ids);
  const found = [];
  let after;
  while (found.length < wanted.size) {
    const page = await get("/api/comments", { ...window, limit: PAGE, after });
    found.push(...page.filter((comment) => wanted.has(comment.id)));
    if (page.length < PAGE) break;
    after = page[page.length - 1].row_id;
  }
  return found;
}

function commentList(comments, named) {
  const items = comments.map((comment) =>
    el(
      "li",
      {},
      el("span", { class: "soft" }, `${clock(comment.ts)} `),
      el("b", {}, comment.user),
      ` ${comment.content}`,
    ),
  );
  const gone = named - comments.length;
  return part(
    "evidence.comments",
    el("ul", { class: "quotes" }, ...items),
    gone > 0 && el("p", { class: "soft" }, t("evidence.gone", { n: gone })),
  );
}

function pictures(frames) {
  const figures = frames.map((frame) => {
    const time = clock(frame.ts);
    const source = address(`/api/analysis/frames/${encodeURIComponent(frame.id)}`);
    return el(
      "figure",
      {},
      el("img", { src: source, alt: t("frame.alt", { time }) }),
      el("figcaption", {}, time),
    );
  });
  return part("evidence.frames", el("div", { class: "pictures" }, ...figures));
}

async function words(window, ids) {
  const heard = await get("/api/live_audio/transcript", window);
  const items = heard
    .filter((utterance) => ids.includes(utterance.id))
    .map((utterance) => el("li", {}, el("span", { class: "soft" }, `${clock(utterance.start_ts)} `), utterance.text));
  return part("evidence.speech", el("ul", { class: "quotes" }, ...items));
}

function part(title, ...children) {
  return el("section", {}, el("h3", {}, t(title)), ...children);
}
