/** Calls of the REST API. */

import { el } from "./dom.js";
import { named, t } from "./i18n.js";

const ROOT = new URL("../../", import.meta.url);
const READ_WITHIN_S = 20;
const ACT_WITHIN_S = 60;

/** An answer that is not a success; `message` and `remedy` are for people, `field` is at fault. */
export class ApiError extends Error {
  constructor({ code, message, remedy = "", field = "" }, status) {
    super(message);
    this.code = code;
    this.remedy = remedy;
    this.field = field.split(".")[0];
    this.status = status;
  }
}

/** The address of a route, wherever hostcue is mounted. */
export function address(path, query = {}) {
  const url = new URL(path.replace(/^\//, ""), ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

/** @throws {ApiError} */
export function get(path, query = {}) {
  return call(address(path, query), { signal: AbortSignal.timeout(READ_WITHIN_S * 1000) }, READ_WITHIN_S);
}

/** @throws {ApiError} */
export function post(path, body) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ACT_WITHIN_S * 1000),
  };
  return call(address(path), request, ACT_WITHIN_S);
}

/** An error as the place beside a form shows it: what, why, and what to do. */
export function errorBox(error) {
  const title = named("error", error.code ?? "other", t("error.other"));
  return el(
    "div",
    { class: "error", role: "alert" },
    el("strong", {}, `✕ ${title}`),
    el("p", {}, error.message),
    error.remedy && el("p", { class: "remedy" }, `→ ${error.remedy}`),
  );
}

async function call(url, request, within) {
  let answer;
  let body;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...request });
    body = await answer.json();
  } catch (error) {
    throw unreachable(error, within);
  }
  if (answer.ok) return body;
  if (answer.status === 401) location.reload(); // the answer to that is the login page
  throw new ApiError(body.error ?? { code: "other", message: `HTTP ${answer.status}` }, answer.status);
}

function unreachable(error, within) {
  const message =
    error.name === "TimeoutError" ? t("error.timeout", { n: within }) : t("error.no.answer");
  return new ApiError({ code: "unreachable", message, remedy: t("remedy.unreachable") }, 0);
}
