/** When a room is watched: the part of the form, and the words for it. */

import { el } from "./dom.js";
import { locale, t } from "./i18n.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MIDNIGHT = "00:00";

/** The days and times of the form; empty ones mean always. */
export class ShowtimeFields {
  #days;
  #from;
  #to;

  constructor(days, from, to) {
    this.#days = DAYS.map((value) => {
      const box = el("input", { type: "checkbox", value });
      const name = el("span", {});
      days.append(el("label", { class: "day" }, box, name));
      return { box, name };
    });
    this.#from = from;
    this.#to = to;
  }

  /** Name the days in the language of the page. */
  draw() {
    for (const { box, name } of this.#days) name.textContent = t(`day.${box.value}`);
  }

  /** The field that lacks its other half, if one does. */
  get halfFilled() {
    if (Boolean(this.#from.value) === Boolean(this.#to.value)) return null;
    return this.#from.value ? this.#to : this.#from;
  }

  /** As the API takes it. */
  get schedule() {
    const days = this.#days.filter(({ box }) => box.checked).map(({ box }) => box.value);
    if (days.length === 0 && !this.#from.value) return [];
    return [{ days, from: this.#from.value || MIDNIGHT, to: this.#to.value || MIDNIGHT }];
  }
}

/** A recording's schedule in words. */
export function scheduleText(schedule) {
  return schedule.map(showtimeText).join(t("schedule.between"));
}

function showtimeText({ days, from, to }) {
  if (days.length === 0 || days.length === DAYS.length) return t("schedule.daily", { from, to });
  const named = days.map((day) => t(`day.${day}`)).join(locale() === "en" ? ", " : "");
  return t("schedule.weekly", { days: named, from, to });
}
