/** What silently stopped, and what to do about it. */

import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { length } from "./format.js";
import { named, t } from "./i18n.js";
import { reasonText } from "./status.js";

const MODEL = "model_";

export class Notices {
  #rooms;
  #disk;
  #notices = [];
  #list = byId("notices");

  constructor(rooms, disk) {
    this.#rooms = rooms;
    this.#disk = disk;
  }

  /** Ask the server what is wrong now. */
  async load() {
    this.#notices = await get("/api/notices");
    this.draw();
  }

  draw() {
    this.#list.hidden = this.#notices.length === 0;
    const items = this.#notices.map((notice) => {
      const { headline, remedy } = this.#text(notice);
      return el(
        "li",
        { title: notice.message },
        el("span", { class: "sign", "aria-hidden": "true" }, "▲"),
        el("strong", {}, headline),
        el("span", { class: "soft" }, ` → ${remedy}`),
      );
    });
    this.#list.replaceChildren(...items);
  }

  #text(notice) {
    const isModel = notice.code.startsWith(MODEL);
    const reason = isModel ? notice.code.slice(MODEL.length) : notice.code;
    const values = {
      room: this.#rooms.nameOfSubject(notice.subject),
      age: length(Date.now() - notice.since),
      cause: reasonText(reason),
      ...(notice.subject === "disk" && this.#disk.facts),
    };
    const [headline, remedy] = isModel
      ? [t("notice.model", values), t("remedy.model")]
      : [notice.message, notice.remedy];
    return {
      headline: named("notice", reason, headline, values),
      remedy: named("remedy", reason, remedy, values),
    };
  }
}
