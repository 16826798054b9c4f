/** Numbers and times as people read them. */

import { locale, t } from "./i18n.js";

const MISSING = "—";
const AGES = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** Time of day; seconds are left out on request. */
export function clock(ms, seconds = true) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (seconds) options.second = "2-digit";
  return new Intl.DateTimeFormat(locale(), options).format(ms);
}

/** Time of day, with the date when it is not today. */
export function moment(ms) {
  if (new Date(ms).toDateString() === new Date().toDateString()) return clock(ms);
  const options = { month: "numeric", day: "numeric" };
  return `${new Intl.DateTimeFormat(locale(), options).format(ms)} ${clock(ms, false)}`;
}

/** How long ago: "12 seconds ago". */
export function ago(ms) {
  const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000));
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  const [unit, size] = AGES.find(([, length]) => seconds >= length) ?? ["second", 1];
  return relative.format(-Math.floor(seconds / size), unit);
}

/** A length of time in the largest unit that fits: "13 s", "4.5 min". */
export function length(ms) {
  const [unit, size] = AGES.find(([, seconds]) => ms >= seconds * 1000) ?? ["second", 1];
  return count(ms / size / 1000, { style: "unit", unit, maximumFractionDigits: 1 });
}

/** How often something comes. */
export function every(seconds) {
  const minutes = seconds / 60;
  return minutes >= 1 && Number.isInteger(minutes)
    ? t("every.minutes", { n: minutes })
    : t("every.seconds", { n: seconds });
}

/** A number. */
export function count(number, options = {}) {
  return new Intl.NumberFormat(locale(), options).format(number);
}

/** A share of one; never rounded up to a whole. */
export function percent(share) {
  const style = { style: "percent", maximumFractionDigits: 1, roundingMode: "floor" };
  return count(share, style);
}

/** A size on disk. */
export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = number < 1 ? 0 : Math.min(4, Math.floor(Math.log2(number) / 10));
  return `${count(number / 1024 ** power, { maximumFractionDigits: power > 1 ? 1 : 0 })} ${units[power]}`;
}

/** Bits per second. */
export function bitrate(number) {
  if (number === null) return MISSING;
  if (number < 1e6) return `${count(number / 1e3, { maximumFractionDigits: 0 })} kbit/s`;
  return `${count(number / 1e6, { maximumFractionDigits: 2 })} Mbit/s`;
}

/** A length in milliseconds, or nothing. */
export function milliseconds(number) {
  return number === null ? MISSING : `${count(number)} ms`;
}
