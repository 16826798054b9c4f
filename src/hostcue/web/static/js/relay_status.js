/** How the collection of a room's comments stands, in words. */

import { badge, byId, el, place } from "./dom.js";
import { ago, count, milliseconds } from "./format.js";
import { named, t } from "./i18n.js";
import { chatReason, demoBadge, stateBadge } from "./status.js";

/** The way that a room's messages come, and why not another. */
export function wayText({ way, way_reason: because }) {
  if (!way) return "";
  const text = named("way", way);
  return because ? t("relay.way.because", { way: text, reason: chatReason(because) }) : text;
}

/** What can be done about what is wrong in a room; empty when nothing is. */
export function adviceFor({ state, reason, remedy, health }) {
  return state === "ended" ? "" : named("advice", reason || health.way_reason, remedy);
}

/** The list of rooms: one button each, the one that is looked at is pressed. */
export class RoomList {
  #buttons = new Map();
  #select;

  constructor(select) {
    this.#select = select;
  }

  draw(statuses, selected, isDemo) {
    const items = statuses.map((status) => {
      const item = this.#itemOf(status.live_id);
      const button = item.firstElementChild;
      button.setAttribute("aria-pressed", String(status.live_id === selected));
      button.replaceChildren(
        el("span", { class: "name" }, status.anchor_name || status.live_id),
        isDemo(status) ? demoBadge() : "",
        stateBadge("chat", status.state, status.reason),
        status.health.way ? badge("way", named("way", status.health.way)) : "",
        el("span", { class: "soft" }, t("relay.per.minute", { n: count(status.health.messages_per_min) })),
      );
      return item;
    });
    place(byId("rooms"), items);
    for (const id of this.#buttons.keys()) {
      if (!statuses.some(({ live_id: known }) => known === id)) this.#buttons.delete(id);
    }
    byId("no-rooms").hidden = statuses.length > 0;
  }

  #itemOf(id) {
    if (!this.#buttons.has(id)) {
      const button = el("button", { type: "button", "data-room": id, click: () => this.#select(id) });
      this.#buttons.set(id, el("li", {}, button));
    }
    return this.#buttons.get(id);
  }
}

/** All figures of one room; null while none is known. */
export function drawFacts(status) {
  const advice = status === null ? "" : adviceFor(status);
  byId("advice").hidden = !advice;
  byId("advice").textContent = advice ? `→ ${advice}` : "";
  byId("facts").replaceChildren(
    ...factsOf(status).flatMap(([id, label, value]) => [
      el("dt", {}, label),
      el("dd", { id }, value || t("relay.none")),
    ]),
  );
}

function factsOf(status) {
  const health = status?.health;
  const age = health?.last_message_age_ms ?? null;
  return [
    ["room", t("relay.room"), status && `${status.anchor_name} · ${status.live_id} · ${status.room_id}`],
    ["way", t("relay.way"), health && wayText(health)],
    ["rate", t("relay.rate"), health && count(health.messages_per_min)],
    ["lag", t("relay.lag"), health && milliseconds(health.lag_ms)],
    ["skew", t("relay.skew"), health && skewText(health.clock_skew_ms)],
    ["age", t("relay.age"), age !== null && ago(Date.now() - age)],
    ["reconnects", t("relay.reconnects"), health && count(health.reconnects)],
    ["left-out", t("relay.left.out"), health && leftOutText(health)],
    ["last-error", t("relay.error"), status?.last_error || t("relay.error.none")],
  ];
}

function skewText(ms) {
  if (ms === null) return "";
  const size = { n: count(Math.abs(ms)) };
  return ms < 0 ? t("relay.skew.behind", size) : t("relay.skew.ahead", size);
}

function leftOutText({ dropped, repeated, unknown, unreadable }) {
  return t("relay.left.out.value", {
    dropped: count(dropped),
    repeated: count(repeated),
    unknown: count(unknown),
    unreadable: count(unreadable),
  });
}
