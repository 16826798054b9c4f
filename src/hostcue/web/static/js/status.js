/** States with a sign and a word each: colour only repeats them. */

import { badge } from "./dom.js";
import { named, t } from "./i18n.js";

const SIGNS = {
  recording: ["ok", "●"],
  live: ["ok", "●"],
  open: ["ok", "●"],
  monitoring: ["wait", "◔"],
  starting: ["wait", "◔"],
  connecting: ["wait", "◔"],
  reconnecting: ["warn", "▲"],
  paused_disk: ["warn", "‖"],
  stopped: ["rest", "■"],
  ended: ["rest", "■"],
  failed: ["bad", "✕"],
  lost: ["bad", "✕"],
};

/** @param {"state" | "chat" | "link"} prefix */
export function stateBadge(prefix, state, reason = "", many = "") {
  const [tone, sign] = SIGNS[state] ?? ["rest", "○"];
  return badge(`state ${tone}`, `${stateText(prefix, state, reason)} ${many}`.trim(), sign);
}

/** A state and its reason as one text. */
export function stateText(prefix, state, reason = "") {
  const text = named(prefix, state);
  return reason ? `${text} · ${named("reason", reason)}` : text;
}

/** The mark that everything bears which is only played. */
export function demoBadge() {
  return badge("demo", t("demo"));
}

/** A line's label: made by a model, or a template. */
export function sourceBadge(tip) {
  return badge(`source ${tip.source}`, named("source", tip.source));
}
