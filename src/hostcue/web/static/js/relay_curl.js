/** The page's calls as commands to copy. */

import { address } from "./api.js";

/** The ids of rooms that are played from a fixture. */
export const PLAYED = /^replay-/;

/** Start, follow, look, stop: what the page does with a room, for a shell. */
export function curl(id) {
  const start = PLAYED.test(id) ? { fixture: id.replace(PLAYED, "") } : { live_id: id };
  const token = `-H "Authorization: Bearer $HOSTCUE_TOKEN"`; // harmless where none is set
  const body = (action, what) => `curl -X POST ${address(`/api/douyin/web/${action}`)} \\
  ${token} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(what))}`;
  const read = (what, query = {}) =>
    `curl -N ${token} \\\n  ${quoted(address(`/api/douyin/web/${what}`, { live_id: id, ...query }).href)}`;
  const streams = [read("stream"), read("stream", { kinds: "chat,gift", batch_ms: 500 })];
  return [body("start", start), ...streams, read("status"), body("stop", { live_id: id })].join("\n\n");
}

/** For a shell: an id may come from a link that somebody else made. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
