/** States with a sign and a word each: colour only repeats them. */

import { badge } from "./dom.js";
import { named, t } from "./i18n.js";

const SIGNS = {
  recording: ["ok", "●"],
  live: ["ok", "●"],
  listening: ["ok", "●"],
  open: ["ok", "●"],
  monitoring: ["wait", "◔"],
  starting: ["wait", "◔"],
  connecting: ["wait", "◔"],
  waiting: ["wait", "◔"],
  reconnecting: ["warn", "▲"],
  paused_disk: ["warn", "‖"],
  stopped: ["rest", "■"],
  ended: ["rest", "■"],
  failed: ["bad", "✕"],
  lost: ["bad", "✕"],
};
/** A watched room that is merely not live is as it should be. */
const CALM = new Set(["", "offline", "off_schedule", "not_streaming", "restart"]);

const REASONS = { chat: chatReason, hearing: speechReason };

/** @param {"state" | "chat" | "hearing" | "link"} prefix */
export function stateBadge(prefix, state, reason = "", many = "") {
  const troubled = state === "monitoring" && !CALM.has(reason);
  const [tone, sign] = troubled ? ["warn", "▲"] : (SIGNS[state] ?? ["rest", "○"]);
  return badge(`state ${tone}`, `${stateText(prefix, state, reason)} ${many}`.trim(), sign);
}

/** A state and its reason as one text. */
export function stateText(prefix, state, reason = "") {
  const text = named(prefix, state);
  if (!reason) return text;
  return `${text} · ${(REASONS[prefix] ?? reasonText)(reason)}`;
}

/** Why comments do not come: some reasons mean something else than with a picture. */
export function chatReason(code) {
  return named("chat.because", code, reasonText(code));
}

/** Why the host is not heard: some reasons mean something else than with a picture. */
export function speechReason(code) {
  return named("hearing.because", code, reasonText(code));
}

/** A reason or a cause in words; `otherwise` for one that the pages do not know. */
export function reasonText(code, otherwise = code) {
  const [, status] = /^http_(\d{3})$/.exec(code) ?? [];
  return status ? t("reason.http", { status }) : named("reason", code, otherwise);
}

/** The mark that everything bears which is only played. */
export function demoBadge() {
  return badge("demo", t("demo"));
}

/** A line's label: made by a model, or a template. */
export function sourceBadge(tip) {
  return badge(`source ${tip.source}`, named("source", tip.source));
}
