/** One room that is listened to, and one that is not: how well, and the button to change it. */

import { badge, el, place } from "./dom.js";
import { length, percent } from "./format.js";
import { t } from "./i18n.js";
import { demoBadge, speechReason, stateBadge } from "./status.js";

const LATE_S = 5; // a sentence is known about a second after it ends; this is worth a word
const QUIETEST_DB = -60;
const LOUDEST_DB = -6;

export class ListenerItem {
  #rooms;
  #stopping = false;
  #bar = el("i", {});
  #speaking = el("span", {});
  #voice = el("span", { class: "voice" }, el("span", { class: "level", "aria-hidden": "true" }, this.#bar), this.#speaking);
  #stop = el("button", { type: "button", class: "quiet" });
  #how = el("div", { class: "how" });
  element = el("li", {}, this.#how, this.#stop);

  constructor(rooms, stop) {
    this.#rooms = rooms;
    this.#stop.addEventListener("click", async () => {
      this.#stopping = true;
      this.#drawButton();
      await stop();
      this.#stopping = false;
      this.#drawButton();
    });
  }

  draw(session, named) {
    place(this.#how, [
      this.#rooms.isDemo(session) && demoBadge(),
      stateBadge("hearing", session.state, session.reason),
      named && el("span", { class: "name" }, this.#rooms.nameOf(session)),
      this.#voice,
      session.coverage < 1 && warning(coverage(session)),
      session.lag_s > LATE_S && warning(t("speech.lag", { length: length(session.lag_s * 1000) })),
    ]);
    this.#drawButton(session);
    this.hear(session.level);
  }

  /** How loud it is, and whether somebody speaks. */
  hear(level) {
    this.#voice.hidden = !level;
    if (!level) return;
    const db = 20 * Math.log10(Math.max(level.rms, 1e-6));
    const share = Math.min(1, Math.max(0, (db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
    this.#bar.style.width = `${Math.round(share * 100)}%`;
    this.#voice.classList.toggle("speaking", level.speaking);
    const text = t(level.speaking ? "speech.speaking" : "speech.silent");
    if (this.#speaking.textContent !== text) this.#speaking.textContent = text;
  }

  #drawButton(session = null) {
    this.#stop.textContent = t(this.#stopping ? "speech.stopping" : "speech.stop");
    this.#stop.disabled = this.#stopping;
    if (session) this.#stop.setAttribute("aria-label", t("speech.stop.label", { room: this.#rooms.nameOf(session) }));
  }
}

/** A room that is recorded without being listened to. */
export class UnheardItem {
  #name = el("span", { class: "name" });
  #not = el("span", { class: "soft" });
  #start = el("button", { type: "button" });
  element = el("li", {}, el("div", { class: "how" }, this.#name, this.#not), this.#start);

  constructor(start) {
    this.#start.addEventListener("click", async () => {
      this.#start.disabled = true;
      await start();
      this.#start.disabled = false;
    });
  }

  draw(name) {
    this.#name.textContent = name;
    this.#not.textContent = t("speech.unheard");
    this.#start.textContent = t("speech.start");
    this.#start.setAttribute("aria-label", t("speech.start.label", { room: name }));
  }
}

function coverage({ coverage: heard, dropped_s: dropped }) {
  const causes = Object.keys(dropped).filter((cause) => dropped[cause] > 0);
  const why = causes.map((cause) => speechReason(cause)).join(t("schedule.between"));
  return t(why ? "speech.coverage.because" : "speech.coverage", { share: percent(heard), why });
}

function warning(text) {
  return badge("warn", text, "▲");
}
