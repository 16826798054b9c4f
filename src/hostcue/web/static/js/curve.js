/** A rate over time as a picture, with the same in words. */

import { byId, el } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 100;
const SMOOTH_S = 5;

/** Draw how many came each second, the oldest first. */
export function drawCurve(perSecond) {
  const smooth = perSecond.map((_, at) => mean(perSecond.slice(Math.max(0, at - SMOOTH_S + 1), at + 1)));
  const most = Math.max(1, ...smooth);
  const points = smooth.map((rate, at) => `${at},${(HEIGHT * (1 - rate / most)).toFixed(1)}`);
  const right = smooth.length - 1;
  const picture = svg("svg", { viewBox: `0 -4 ${right} ${HEIGHT + 4}`, preserveAspectRatio: "none", role: "img" });
  const figures = { now: rounded(smooth[right]), most: rounded(Math.max(...smooth)) };
  picture.setAttribute("aria-label", t("relay.curve.label", figures));
  picture.append(svg("path", { d: `M-1,${HEIGHT} L${points.join(" ")} L${right + 1},${HEIGHT}` }));
  const minutes = Math.round(perSecond.length / 60);
  byId("curve").replaceChildren(
    picture,
    el("p", { class: "axis" }, el("span", {}, t("relay.curve.ago", { n: minutes })), el("span", {}, t("relay.curve.now"))),
  );
  byId("curve-now").textContent = t("relay.curve.rate", figures);
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function rounded(rate) {
  return count(rate, { maximumFractionDigits: 1 });
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
