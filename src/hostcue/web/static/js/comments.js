/** Comments as they come, drawn at most once a frame however many arrive. */

import { get } from "./api.js";
import { badge, byId, el, nothing } from "./dom.js";
import { clock, count, length } from "./format.js";
import { named, t } from "./i18n.js";
import { chatReason, demoBadge, stateText } from "./status.js";

const ROWS = 200;
const MINUTE_MS = 60_000;
const LISTED = new Set(["chat", "gift", "follow", "share", "fans_club", "product", "gap", "status"]);

export class Comments {
  #rooms;
  #events = [];
  #arrived = [];
  #ids = new Set();
  #chats = [];
  #watching = new Map();
  #list = byId("comments");
  #waiting = false;
  #loaded = false;
  #absent = false;

  constructor(rooms) {
    this.#rooms = rooms;
  }

  /** Take an event of the stream. */
  take(type, data) {
    if (type === "room_user_stats") this.#watching.set(data.room_id, data.current);
    if (type === "chat") this.#chats.push({ at: Date.now(), room_id: data.room_id });
    const event = { type, data, at: data.ts ?? Date.now() };
    if (!LISTED.has(type) || !this.#keep(event)) return;
    this.#arrived.push(event);
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => this.#drawArrived());
  }

  /** Take what is stored of a room's last minutes. */
  async load(roomId, sinceMs) {
    const window = { room_id: roomId, start_ts: sinceMs, end_ts: Date.now() + MINUTE_MS };
    const stored = await get("/api/comments", { ...window, limit: 10 * ROWS });
    const minuteAgo = Date.now() - MINUTE_MS;
    for (const comment of stored.slice(-ROWS)) {
      const isNew = this.#keep({ type: comment.type, data: comment, at: comment.ts });
      if (isNew && comment.type === "chat" && comment.ts > minuteAgo) {
        this.#chats.push({ at: comment.ts, room_id: roomId });
      }
    }
    this.#events.sort((a, b) => a.at - b.at);
  }

  /** All that is stored has been taken: an empty list is empty from now on. */
  loaded() {
    this.#loaded = true;
    this.draw();
  }

  /** The server runs without its comments part. */
  absent() {
    this.#absent = true;
    this.loaded();
  }

  draw() {
    if (!this.#loaded) return;
    const shown = this.#events.filter(({ data }) => this.#rooms.isShown(data));
    const empty = this.#absent
      ? el("li", { class: "nothing" }, t("comments.absent"))
      : el("li", {}, nothing(t("comments.empty"), t("comments.empty.next")));
    const rows = shown.map((event) => this.#row(event));
    // the list is drawn upside down by CSS: its first child is at the bottom, where the newest goes
    this.#list.replaceChildren(...(rows.length ? rows.reverse() : [empty]));
    this.tick();
  }

  /** Say again how many come and watch. */
  tick() {
    const since = Date.now() - MINUTE_MS;
    this.#chats = this.#chats.filter((chat) => chat.at > since);
    const n = this.#chats.filter((chat) => this.#rooms.isShown(chat)).length;
    const rooms = [...this.#watching].filter(([id]) => this.#rooms.isShown({ room_id: id }));
    const watching = rooms.reduce((sum, [, number]) => sum + number, 0);
    byId("comment-rate").textContent = [
      t("comments.rate", { n: count(n) }),
      rooms.length > 0 && t("comments.online", { n: count(watching) }),
    ]
      .filter(Boolean)
      .join(" · ");
    byId("comments-demo").hidden = !this.#rooms.anyDemo;
  }

  #keep(event) {
    const id = event.data.id && `${event.data.room_id}/${event.data.id}`;
    if (id && this.#ids.has(id)) return false;
    if (id) this.#ids.add(id);
    this.#events.push(event);
    while (this.#events.length > ROWS) {
      const { data } = this.#events.shift();
      this.#ids.delete(`${data.room_id}/${data.id}`);
    }
    return true;
  }

  /** Put what came since the last frame to the rows that are there. */
  #drawArrived() {
    this.#waiting = false;
    const shown = this.#arrived.filter(({ data }) => this.#rooms.isShown(data));
    this.#arrived = [];
    if (this.#list.querySelector(".comment") === null) return this.draw();
    this.#list.prepend(...shown.map((event) => this.#row(event)).reverse());
    while (this.#list.children.length > ROWS) this.#list.lastElementChild.remove();
  }

  #row({ type, data, at }) {
    const severalRooms = this.#rooms.selected === "" && this.#rooms.all.length > 1;
    return el(
      "li",
      { class: `comment ${type}` },
      el("time", { class: "soft" }, clock(at)),
      " ",
      this.#rooms.isDemo(data) && demoBadge(),
      severalRooms && badge("room", this.#rooms.nameOf(data)),
      (type !== "chat" || data.metadata?.form) && kindBadge(type, data),
      data.user && el("b", {}, data.user),
      " ",
      says(type, data),
    );
  }
}

/** Of what kind an event is; chat in another form than plain text is called by that. */
export function kindBadge(type, data) {
  const form = type === "chat" ? data.metadata?.form : undefined;
  return badge("kind", form ? named("chat.form", form) : named("kind", type));
}

/** What an event says, in words. */
export function says(type, data) {
  switch (type) {
    case "gift":
      return t("says.gift", { what: data.content, n: data.metadata.count ?? 1 });
    case "like":
      return t("says.like", { n: data.metadata.count ?? 1 });
    case "member":
    case "follow":
      return t(`says.${type}`);
    case "share":
    case "fans_club":
      return data.content || t(`says.${type}`);
    case "product":
      return data.title || data.text || t("says.product");
    case "room_user_stats":
      return t("comments.online", { n: count(data.current) });
    case "status":
      return t("says.status", { state: stateText("chat", data.state, data.reason) });
    case "gap":
      return gapText(data);
    default:
      return data.content;
  }
}

function gapText(gap) {
  const cause = chatReason(gap.cause);
  if (gap.end_ts === null) return t("says.gap.open", { cause });
  return t("says.gap.closed", { cause, length: length(gap.end_ts - gap.start_ts) });
}
