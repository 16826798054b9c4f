/** What was sent to people who do not look at the page, and whether it arrived. */

import { errorBox, get, post } from "./api.js";
import { badge, byId, el } from "./dom.js";
import { moment } from "./format.js";
import { named, t } from "./i18n.js";
import { reasonText } from "./status.js";

const SHOWN = 30;
const LOOKS = {
  pending: ["wait", "◔"],
  delivered: ["ok", "✓"],
  failed: ["bad", "✕"],
  skipped: ["rest", "○"],
};

export class Alarms {
  #rooms;
  #deliveries = null;
  #list = byId("deliveries");
  #button = byId("test-alarm");
  #answer = byId("alarms-answer");
  #testing = false;

  constructor(rooms) {
    this.#rooms = rooms;
    this.#button.addEventListener("click", () => this.#test());
  }

  /** Ask the server what it sent last. */
  async load() {
    this.#deliveries = await get("/api/notifications/deliveries", { limit: SHOWN });
    this.draw();
  }

  draw() {
    this.#button.textContent = t(this.#testing ? "alarms.testing" : "alarms.test");
    this.#button.disabled = this.#testing;
    if (this.#deliveries === null) return;
    const newest = [...this.#deliveries].reverse();
    const failed = newest.filter(({ state }) => state === "failed").length;
    byId("alarms-state").replaceChildren(failed ? badge("state bad", t("alarms.undelivered", { n: failed }), "✕") : "");
    const empty = el("li", { class: "soft" }, t("alarms.empty"));
    this.#list.replaceChildren(...(newest.length ? newest.map((delivery) => this.#row(delivery)) : [empty]));
  }

  #row(delivery) {
    const { kind, subject, state, attempts, error, message } = delivery;
    const [tone, sign] = LOOKS[state];
    const room = ["disk", "service"].includes(subject) ? "" : this.#rooms.nameOfSubject(subject);
    const why = [error && reasonText(error, message), attempts > 1 && t("alarms.tries", { n: attempts })];
    return el(
      "li",
      { title: message || delivery.title },
      el("time", { class: "soft" }, moment(delivery.created_at)),
      badge(`state ${tone}`, named("delivery", state), sign),
      el("span", {}, [room, named("alarm", kind, delivery.title)].filter(Boolean).join(" · ")),
      el("span", { class: "soft target" }, [delivery.target, ...why].filter(Boolean).join(" · ")),
    );
  }

  async #test() {
    this.#testing = true;
    this.draw();
    try {
      const { deliveries } = await post("/api/notifications/test", {});
      this.#answer.replaceChildren(tested(deliveries));
      await this.load();
    } catch (error) {
      this.#answer.replaceChildren(errorBox(error));
    } finally {
      this.#testing = false;
      this.draw();
    }
  }
}

function tested(deliveries) {
  if (deliveries.length === 0) return el("p", {}, t("alarms.no.targets"));
  const n = deliveries.filter(({ state }) => state === "delivered").length;
  if (n === deliveries.length) return el("p", { class: "done" }, `✓ ${t("alarms.tested", { n })}`);
  return el("p", { class: "warn" }, `▲ ${t("alarms.tested.some", { n, all: deliveries.length })}`);
}
