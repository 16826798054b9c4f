/** How each room's comments come in: the way, what is missing, what to do about it. */

import { get } from "./api.js";
import { badge, byId, el } from "./dom.js";
import { length } from "./format.js";
import { t } from "./i18n.js";
import { adviceFor, wayText } from "./relay_status.js";
import { stateBadge } from "./status.js";

export class Chats {
  #rooms;
  #statuses = [];

  constructor(rooms) {
    this.#rooms = rooms;
  }

  /** The broadcasts whose comments are collected. */
  get roomIds() {
    return this.#statuses.filter((status) => status.is_running).map((status) => status.room_id);
  }

  /** Ask the server how they stand. */
  async load() {
    this.#statuses = await get("/api/douyin/web/rooms");
    this.#rooms.learn(this.#statuses);
    this.draw();
  }

  draw() {
    const shown = this.#statuses.filter((status) => this.#rooms.isShown(status) && status.state !== "ended");
    byId("chats").replaceChildren(...shown.map((status) => item(status, shown.length > 1)));
    byId("chats").hidden = shown.length === 0;
  }
}

function item(status, named) {
  const advice = adviceFor(status);
  const age = status.health.last_message_age_ms ?? Date.now() - status.since_ts;
  return el(
    "li",
    {},
    stateBadge("chat", status.state, status.reason),
    status.health.way && badge("way", wayText(status.health)),
    named && el("span", {}, status.anchor_name || status.live_id),
    status.state === "reconnecting" && el("span", { class: "warn" }, t("chats.missing", { length: length(age) })),
    advice && el("span", { class: "soft" }, `→ ${advice}`),
  );
}
