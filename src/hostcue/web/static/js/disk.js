/** The disk of the recordings: how long it lasts, where its lines are, and what may go. */

import { get } from "./api.js";
import { openCleanup } from "./cleanup.js";
import { badge, byId, el } from "./dom.js";
import { bytes, count, length } from "./format.js";
import { named, t } from "./i18n.js";
import { reasonText } from "./status.js";

const HOUR_MS = 3_600_000;
const LINES = ["stop", "resume", "clean", "warn"];
const LOOKS = { ok: ["ok", "●"], low: ["warn", "▲"], paused: ["bad", "‖"] };
const FEW_FILES = 100_000;

export class Disk {
  #status = null;
  #chip = byId("disk-chip");
  #panel = byId("disk");

  /** `onCleaned` runs after files were deleted. */
  constructor(onCleaned) {
    byId("clean").addEventListener("click", () => openCleanup(onCleaned));
  }

  /** Ask the server how the disk stands. */
  async load() {
    try {
      this.#status = await get("/api/recording/disk");
    } catch (error) {
      if (error.code === "storage_failed") byId("disk-state").replaceChildren(silentBadge());
      throw error;
    }
    this.draw();
  }

  /** What texts elsewhere say of the disk. */
  get facts() {
    if (this.#status === null) return {};
    const { free_bytes: free, reason } = this.#status;
    return { free: bytes(free), left: left(this.#status), cause: reasonText(reason || "disk") };
  }

  draw() {
    const status = this.#status;
    if (status === null) return;
    this.#panel.dataset.state = status.state;
    byId("disk-state").replaceChildren(status.answers ? stateOf(status) : silentBadge());
    byId("disk-left").textContent = status.state === "paused" ? "" : t("disk.left", { length: left(status) });
    byId("disk-free").textContent = details(status);
    byId("disk-meter").replaceChildren(meter(status));
    byId("disk-lines").replaceChildren(...lines(status).map(({ name, at }) =>
      el("li", { class: name }, t(`disk.line.${name}`, { size: bytes(at) }))));
    byId("disk-keep").textContent = keep(status);
    const [tone, sign] = LOOKS[status.state];
    const text = status.state === "paused" ? named("disk", status.state) : left(status);
    this.#chip.replaceChildren(badge(`state ${tone}`, t("disk.chip", { text }), sign));
  }
}

function stateOf({ state, reason }) {
  const [tone, sign] = LOOKS[state];
  const text = reason ? `${named("disk", state)} · ${reasonText(reason)}` : named("disk", state);
  return badge(`state ${tone}`, text, sign);
}

function silentBadge() {
  return badge("state bad", t("disk.silent"), "✕");
}

function left({ hours_left: hours }) {
  return length(hours * HOUR_MS);
}

function details(status) {
  const { free_bytes: free, total_bytes: total, bytes_per_hour: pace, free_files: files } = status;
  return [
    t("disk.free", { free: bytes(free), total: bytes(total) }),
    t("disk.pace", { size: bytes(pace) }),
    files !== null && files < FEW_FILES && t("disk.files", { n: count(files) }),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The lines that are set, the lowest first. */
function lines(status) {
  return LINES.map((name) => ({ name, at: status.lines[name] }))
    .filter(({ at }) => at !== null)
    .sort((a, b) => a.at - b.at);
}

/** A gauge of what is free, up to twice the highest line: beyond that more makes no difference. */
function meter(status) {
  const set = lines(status);
  const full = Math.min(status.total_bytes, 2 * set[set.length - 1].at);
  const share = (size) => `${Math.min(100, (100 * size) / full)}%`;
  const fill = el("span", { class: "fill" });
  fill.style.width = share(status.free_bytes);
  const ticks = set.map(({ name, at }) => {
    const tick = el("span", { class: `tick ${name}` });
    tick.style.left = share(at);
    return tick;
  });
  return el(
    "div",
    {
      class: "meter",
      role: "meter",
      "aria-label": t("disk.title"),
      "aria-valuemin": 0,
      "aria-valuemax": full,
      "aria-valuenow": Math.min(full, status.free_bytes),
      "aria-valuetext": `${t("disk.left", { length: left(status) })}, ${details(status)}`,
    },
    fill,
    ...ticks,
  );
}

function keep({ keep: rules, reclaimable }) {
  const set = [
    rules.days !== null && t("disk.keep.days", { n: count(rules.days, { maximumSignificantDigits: 3 }) }),
    rules.bytes !== null && t("disk.keep.bytes", { size: bytes(rules.bytes) }),
    rules.free_bytes !== null && t("disk.keep.free_bytes", { size: bytes(rules.free_bytes) }),
  ].filter(Boolean);
  if (set.length === 0) return t("disk.keep.none");
  const size = Object.values(reclaimable).reduce((sum, freed) => sum + freed, 0);
  const text = t("disk.keep", { rules: set.join(t("schedule.between")) });
  return size > 0 ? `${text} · ${t("disk.reclaimable", { size: bytes(size) })}` : text;
}
