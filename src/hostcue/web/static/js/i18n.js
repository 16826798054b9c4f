/** Which language the page speaks, and its texts. */

import { en } from "./en.js";
import { zh } from "./zh.js";

/** @typedef {keyof typeof zh} Key */

const STORED_AS = "hostcue.language";
const dictionaries = { zh, en };
const listeners = new Set();

let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

/** The tag for dates, numbers and `<html lang>`. */
export function locale() {
  return language === "zh" ? "zh-CN" : "en";
}

/**
 * A text of the pages, with `{name}` filled in.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  return dictionaries[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * The text of a code that the server sent; `otherwise` for one that the pages do not know.
 * @param {string} prefix
 * @param {string} code
 */
export function named(prefix, code, otherwise = code, values = {}) {
  const key = `${prefix}.${code}`;
  return Object.hasOwn(dictionaries[language], key) ? t(/** @type {Key} */ (key), values) : otherwise;
}

/** Have `draw` called now and whenever the language becomes another. */
export function onLanguage(draw) {
  listeners.add(draw);
  draw();
}

/** Speak the other language from now on, and after a reload. */
export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(STORED_AS, language);
  } catch {
    // a browser that keeps nothing still switches
  }
  for (const draw of listeners) draw();
}

/** Fill in the texts that the HTML names: `data-t`, `data-t-label`, `data-t-placeholder`. */
export function fillIn() {
  document.documentElement.lang = locale();
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(element.dataset.t);
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  }
  for (const element of document.querySelectorAll("[data-t-placeholder]")) {
    element.setAttribute("placeholder", t(element.dataset.tPlaceholder));
  }
}

function remembered() {
  try {
    const stored = localStorage.getItem(STORED_AS);
    return stored !== null && Object.hasOwn(dictionaries, stored) ? stored : null;
  } catch {
    return null;
  }
}
