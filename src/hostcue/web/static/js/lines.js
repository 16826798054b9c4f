/** The newest lines, one of them in large type; earlier ones are folded away. */

import { badge, byId, el, nothing } from "./dom.js";
import { evidenceText, openEvidence } from "./evidence.js";
import { ago, every } from "./format.js";
import { named, t } from "./i18n.js";
import { demoBadge, sourceBadge } from "./status.js";

const BATCHES_KEPT = 60; // of all rooms together: looking at one finds some of it
const EARLIER_SHOWN = 8;
const LONG = 42; // characters that fit about three rows of the largest type
const VERY_LONG = 60;

export class Lines {
  #rooms;
  #running;
  #tips = new Map();
  #chosen = 0;
  #newest = "";
  #loaded = false;
  #absent = false;
  #stage = byId("stage");
  #earlier = byId("earlier");

  /** `running` tells which recordings are under way: an empty place says what to wait for. */
  constructor(rooms, running) {
    this.#rooms = rooms;
    this.#running = running;
    byId("next-line").addEventListener("click", () => this.step(1));
    byId("previous-line").addEventListener("click", () => this.step(-1));
  }

  /** Take lines, new or known. */
  add(tips) {
    this.#loaded = true;
    for (const tip of tips) this.#tips.set(tip.id, tip);
    const batches = this.#batches(() => true).slice(0, BATCHES_KEPT);
    this.#tips = new Map(batches.flat().map((tip) => [tip.id, tip]));
    this.draw();
  }

  /** The server runs without its analysis part. */
  absent() {
    this.#absent = true;
    this.draw();
  }

  /** Go to another line of the newest batch, round and round. */
  step(by) {
    const [batch] = this.#shown();
    if (!batch) return;
    this.#chosen = (this.#chosen + by + batch.length) % batch.length;
    this.draw();
  }

  draw() {
    if (this.#absent) this.#stage.replaceChildren(el("p", { class: "nothing" }, t("lines.absent")));
    if (!this.#loaded) return;
    const [batch, ...earlier] = this.#shown();
    const newest = batch ? batchKey(batch[0]) : "";
    if (newest !== this.#newest) {
      this.#newest = newest;
      this.#chosen = 0;
    }
    announce(batch ? batch[this.#chosen].text : "");
    const hadFocus = this.#stage.contains(document.activeElement);
    this.#stage.replaceChildren(batch ? this.#batch(batch) : this.#empty());
    if (hadFocus) this.#stage.querySelector("[aria-current]")?.focus({ preventScroll: true });
    for (const id of ["next-line", "previous-line"]) byId(id).hidden = !batch;
    this.#drawEarlier(earlier.slice(0, EARLIER_SHOWN).flat());
    this.tick();
  }

  /** Say again how old the lines are. */
  tick() {
    const [batch] = this.#shown();
    byId("lines-from").textContent = batch ? this.#from(batch[0]) : "";
  }

  #batches(wanted) {
    const batches = new Map();
    for (const tip of this.#tips.values()) {
      if (!wanted(tip)) continue;
      const key = batchKey(tip);
      if (!batches.has(key)) batches.set(key, []);
      batches.get(key).push(tip);
    }
    return [...batches.values()].sort(([a], [b]) => b.created_at - a.created_at);
  }

  #shown() {
    return this.#batches((tip) => this.#rooms.isShown(tip));
  }

  #batch(batch) {
    return el(
      "ol",
      { "aria-label": t("lines.choices") },
      ...batch.map((tip, index) => this.#line(tip, index, batch.length)),
    );
  }

  #line(tip, index, all) {
    const chosen = index === this.#chosen;
    const choose = () => {
      this.#chosen = index;
      this.draw();
    };
    const text = el(
      "button",
      { type: "button", class: "say", lang: "zh-CN", "aria-current": chosen && "true", click: choose },
      tip.text,
    );
    const position = chosen ? t("lines.position", { n: index + 1, all }) : "";
    return el("li", { class: `line ${chosen ? `now ${size(tip.text)}` : ""}` }, text, this.#about(tip, position));
  }

  /** What every line bears: who made it, what it is for, what it rests on. */
  #about(tip, position = "") {
    const demo = this.#rooms.isDemo(tip);
    return el(
      "p",
      { class: "about" },
      sourceBadge(tip),
      demo && demoBadge(),
      badge("type", named("type", tip.type)),
      position && el("span", { class: "soft position" }, position),
      el("button", { type: "button", class: "quiet", click: () => openEvidence(tip, demo) }, evidenceText(tip)),
    );
  }

  #from(tip) {
    const where = t("lines.of", { room: this.#rooms.nameOf(tip), seq: tip.seq });
    return `${where} · ${ago(tip.created_at)}`;
  }

  #drawEarlier(tips) {
    this.#earlier.hidden = tips.length === 0;
    byId("earlier-title").textContent = t("lines.earlier", { n: tips.length });
    const items = tips.map((tip) =>
      el(
        "li",
        {},
        el("p", { lang: "zh-CN" }, tip.text),
        this.#about(tip),
        el("p", { class: "soft" }, this.#from(tip)),
      ),
    );
    byId("earlier-list").replaceChildren(...items);
  }

  #empty() {
    const running = this.#running();
    if (running.length === 0) return nothing(t("lines.empty"), t("lines.empty.idle"));
    const here = running.filter((recording) => this.#rooms.isShown(recording));
    const shown = here.find((recording) => recording.state !== "monitoring") ?? here[0];
    if (!shown) return nothing(t("lines.empty"), t("lines.empty.filtered"));
    if (shown.state === "monitoring") return nothing(t("lines.empty"), t("lines.empty.monitoring"));
    const interval = every(shown.segment_time);
    return nothing(t("lines.empty"), t("lines.empty.recording", { length: interval }));
  }
}

/** Read the line out, once: a region that is drawn anew is not read by every screen reader. */
function announce(text) {
  const region = byId("announcement");
  if (region.textContent !== text) region.textContent = text;
}

function batchKey(tip) {
  return `${tip.recording_id}/${tip.seq}/${tip.created_at}`;
}

function size(text) {
  if (text.length > VERY_LONG) return "very-long";
  return text.length > LONG ? "long" : "";
}
