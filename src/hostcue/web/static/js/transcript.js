/** What the host says, as it comes: sentences by their times, what is missing, and the words being spoken. */

import { badge, byId, el, place } from "./dom.js";
import { clock, length } from "./format.js";
import { locale, named, t } from "./i18n.js";
import { demoBadge, speechReason } from "./status.js";

const ROWS = 200;
const NEAR_PX = 40;
const PARTIAL_FOR_MS = 15_000; // one that is neither replaced nor finished was of a line that broke
const PLAIN_EVENTS = new Set(["", "Speech"]);

/**
 * A list that follows its newest line until somebody scrolls up; then it stands still, and a
 * button leads back. However long a broadcast lasts, only the newest rows are kept.
 */
export class Transcript {
  #rooms;
  #rows = [];
  #partials = new Map();
  #list = byId("transcript");
  #newest = byId("transcript-newest");
  #follows = true;
  #waiting = false;
  #drawnFor = "";
  #empty = () => null;

  constructor(rooms) {
    this.#rooms = rooms;
    this.#list.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#list;
      this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      if (this.#follows) this.#newest.hidden = true;
    });
    this.#newest.addEventListener("click", () => this.#toNewest());
  }

  /** Sentences that are stored, or that were just said; one that comes again replaces itself. */
  addSentences(sentences) {
    for (const data of sentences) {
      this.#keep({ key: `${data.room_id}/${data.id}`, at: data.start_ts, data, parts: sentence });
      const partial = this.#partials.get(data.session_id);
      if (partial && partial.data.start_ts < data.end_ts) this.#partials.delete(data.session_id);
    }
    this.#soon();
  }

  /** Spans that were not heard; what is known of one already is more than that it is missing. */
  addGaps(gaps) {
    for (const data of gaps) {
      const known = this.#rows.some((row) => row.parts === missing && overlap(row.data, data));
      const key = `${data.room_id}/gap/${data.start_ts}`;
      if (!known) this.#keep({ key, at: data.start_ts, data, parts: missing });
    }
    this.#soon();
  }

  /** All that was not heard of a room lately, as far as no gap told why; what was filled is gone. */
  setHoles(roomId, holes) {
    this.#rows = this.#rows.filter(({ parts, data }) => parts !== missing || data.reason || data.room_id !== roomId);
    this.addGaps(holes.map((hole) => ({ ...hole, room_id: roomId })));
  }

  /** What the stretch that is being spoken sounds like so far. */
  showPartial(data) {
    const known = this.#partials.get(data.session_id);
    if (!data.text) this.#partials.delete(data.session_id);
    else this.#partials.set(data.session_id, { data, at: Date.now(), element: known?.element });
    this.#soon();
  }

  /** Nobody listens there any more, so nothing finishes what was being said. */
  endPartial(sessionId) {
    if (this.#partials.delete(sessionId)) this.#soon();
  }

  /** What an empty list says, as an element made anew each time; null: there is no list then. */
  whenEmpty(make) {
    this.#empty = make;
  }

  tick() {
    const since = Date.now() - PARTIAL_FOR_MS;
    for (const [id, { at }] of this.#partials) if (at < since) this.endPartial(id);
  }

  /** Draw what is new; all of it when the language, the room or its marks became others. */
  draw() {
    this.#waiting = false;
    const severalRooms = this.#rooms.selected === "" && this.#rooms.all.length > 1;
    const drawnFor = [locale(), severalRooms, this.#rooms.anyDemo, this.#rooms.all.join()].join();
    if (drawnFor !== this.#drawnFor) for (const row of this.#rows) row.element = undefined;
    this.#drawnFor = drawnFor;
    const shown = this.#rows.filter(({ data }) => this.#rooms.isShown(data));
    for (const row of shown) row.element ??= this.#item(row, severalRooms);
    const partials = [...this.#partials.values()].filter(({ data }) => this.#rooms.isShown(data));
    for (const partial of partials) drawPartial(partial);
    const items = [...shown, ...partials].map(({ element }) => element);
    const empty = items.length ? null : this.#empty();
    this.#list.hidden = items.length === 0 && empty === null;
    this.#arrange(items.length ? items : [el("li", {}, empty)]);
  }

  #keep(row) {
    const known = this.#rows.findIndex(({ key }) => key === row.key);
    if (known >= 0) this.#rows.splice(known, 1);
    // nearly always the last place: what is heard afterwards in a file comes out of turn
    let place = this.#rows.length;
    while (place > 0 && this.#rows[place - 1].at > row.at) place -= 1;
    this.#rows.splice(place, 0, row);
    if (this.#rows.length > ROWS) this.#rows.shift();
  }

  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => this.#waiting && this.draw());
  }

  #item(row, severalRooms) {
    const { tone, title, children } = row.parts(row.data);
    return el(
      "li",
      { class: tone, title },
      el("time", { class: "soft" }, clock(row.at)),
      el(
        "span",
        {},
        this.#rooms.isDemo(row.data) && demoBadge(),
        severalRooms && badge("room", this.#rooms.nameOf(row.data)),
        ...children,
      ),
    );
  }

  /** Put the rows there and keep what is being read where it is. */
  #arrange(items) {
    const top = this.#list.getBoundingClientRect().top;
    const stays = [...this.#list.children].filter((item) => items.includes(item));
    const read = stays.find((item) => item.getBoundingClientRect().bottom > top);
    const before = read?.getBoundingClientRect().top ?? 0;
    const newer = items.length > 0 && items[items.length - 1] !== this.#list.lastElementChild;
    place(this.#list, items);
    if (this.#follows) this.#list.scrollTop = this.#list.scrollHeight;
    else if (read) this.#list.scrollTop += read.getBoundingClientRect().top - before;
    if (newer && !this.#follows) this.#newest.hidden = false;
  }

  #toNewest() {
    this.#follows = true;
    this.#newest.hidden = true;
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#list.focus();
  }
}

function sentence(data) {
  const flags = data.flags.map((flag) => named("speech.flag", flag));
  return {
    tone: flags.length ? "sentence flagged" : "sentence",
    title: flags.length ? t("speech.flagged", { why: flags.join(t("schedule.between")) }) : null,
    children: [
      data.source !== "live" && badge("kind", named("speech.source", data.source)),
      !PLAIN_EVENTS.has(data.event) && badge("kind", named("speech.event", data.event)),
      ...corrected(data.text, data.corrections),
    ],
  };
}

/** The text, with what hot words changed marked as such; corrections come in the text's order. */
function corrected(text, corrections) {
  const parts = [];
  let from = 0;
  for (const { heard, meant } of corrections) {
    const at = text.indexOf(meant, from);
    if (at < 0) continue;
    parts.push(text.slice(from, at), el("mark", { title: t("speech.heard.as", { heard }) }, meant));
    from = at + meant.length;
  }
  return [...parts, text.slice(from)].filter((part) => part !== "");
}

function missing({ start_ts: from, end_ts: to, reason }) {
  const values = { length: length(to - from), cause: reason && speechReason(reason) };
  const text = t(reason ? "speech.gap.because" : "speech.gap", values);
  return {
    tone: "gap",
    title: `${clock(from)} – ${clock(to)}`,
    children: [el("span", { class: "sign", "aria-hidden": "true" }, "▲ "), text],
  };
}

function overlap(one, other) {
  return one.room_id === other.room_id && one.start_ts < other.end_ts && other.start_ts < one.end_ts;
}

function drawPartial(partial) {
  partial.element ??= el("li", { class: "partial" }, el("time", { class: "soft" }), el("span", {}));
  const [time, words] = partial.element.children;
  time.textContent = clock(partial.data.start_ts);
  words.textContent = `${partial.data.text}…`;
}
