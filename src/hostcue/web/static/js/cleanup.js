/** Deleting old recordings by hand: first what would go, then, if that is meant, that it goes. */

import { errorBox, post } from "./api.js";
import { el, openDialog } from "./dom.js";
import { bytes, count, moment } from "./format.js";
import { named, t } from "./i18n.js";

const LISTED = 20;

/** Show what a cleanup would delete; `onCleaned` runs after it did. */
export async function openCleanup(onCleaned) {
  const place = el("div", { class: "cleanup", "aria-live": "polite" }, el("p", { class: "soft" }, t("clean.looking")));
  openDialog(t("clean.title"), t("close"), place);
  try {
    const found = await post("/api/recording/cleanup", { dry_run: true });
    place.replaceChildren(...plan(found, (force) => clean(place, force, onCleaned)));
  } catch (error) {
    place.replaceChildren(errorBox(error));
  }
}

async function clean(place, force, onCleaned) {
  place.replaceChildren(el("p", { class: "soft" }, t("clean.doing")));
  try {
    const { segments: n, bytes: size } = await post("/api/recording/cleanup", { dry_run: false, force });
    place.replaceChildren(el("p", { class: "done" }, `✓ ${t("clean.done", { n: count(n), size: bytes(size) })}`));
  } catch (error) {
    place.replaceChildren(errorBox(error));
  }
  onCleaned();
}

function plan(found, go) {
  if (Object.values(found.keep).every((rule) => rule === null)) return [el("p", {}, t("clean.no.rules"))];
  if (found.segments === 0) return [el("p", {}, t("clean.nothing")), kept(found)].filter(Boolean);
  const sizes = { size: bytes(found.bytes), all: bytes(found.stored_bytes) };
  return [
    el("p", { class: "found" }, t("clean.found", { n: count(found.segments), ...sizes })),
    el("ul", { class: "files" }, ...found.files.slice(0, LISTED).map(file)),
    found.segments > LISTED && el("p", { class: "soft" }, t("clean.more", { n: count(found.segments - LISTED) })),
    kept(found),
    ...confirmation(found, go),
  ].filter(Boolean);
}

function file({ path, start_ts: start, bytes: size, rule }) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return el("li", {}, el("span", {}, name), el("span", { class: "soft" }, `${moment(start)} · ${bytes(size)} · ${named("rule", rule)}`));
}

function kept({ kept: reasons }) {
  const parts = Object.entries(reasons).map(([why, n]) => t("clean.kept.item", { n: count(n), why: named("kept", why) }));
  return parts.length > 0 && el("p", { class: "soft" }, t("clean.kept", { list: parts.join(t("schedule.between")) }));
}

/** The button that deletes; more than half of everything wants a tick first. */
function confirmation({ needs_force: excessive, segments }, go) {
  const button = el(
    "button",
    { type: "button", class: "stop", disabled: excessive, click: () => go(excessive) },
    t("clean.do", { n: count(segments) }),
  );
  if (!excessive) return [button];
  const box = el("input", { type: "checkbox", id: "clean-force", input: () => (button.disabled = !box.checked) });
  return [
    el("p", { class: "warn" }, `▲ ${t("clean.force.why")}`),
    el("label", { class: "tick-box", for: "clean-force" }, box, el("span", {}, t("clean.force"))),
    button,
  ];
}
