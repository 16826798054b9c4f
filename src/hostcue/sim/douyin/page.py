"""The room's page as a browser runs it: a script that reads comments the way the platform's does.

It opens the push socket itself or in a Worker, acknowledges, beats, and asks for a picture, a font
and the stream, as a page with a player would. It is written in the browser's own terms and shares
nothing with hostcue, not even the protobuf classes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.faults import PageMode
from hostcue.sim.douyin.signature import signed

_READER = """
const varint = (bytes, at) => {
  let value = 0n, shift = 0n, byte;
  do { byte = bytes[at++]; value |= BigInt(byte & 127) << shift; shift += 7n; } while (byte & 128);
  return [value, at];
};
const fields = (bytes) => {
  const found = new Map();
  for (let at = 0; at < bytes.length;) {
    let tag, value;
    [tag, at] = varint(bytes, at);
    if ((tag & 7n) === 2n) {
      let size;
      [size, at] = varint(bytes, at);
      value = bytes.subarray(at, at += Number(size));
    } else if ((tag & 7n) === 0n) [value, at] = varint(bytes, at);
    else break;
    const number = Number(tag >> 3n);
    found.set(number, [...(found.get(number) ?? []), value]);
  }
  return found;
};
const text = (bytes) => new TextDecoder().decode(bytes ?? new Uint8Array());
const number = (value) => {
  const bytes = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return [...bytes, Number(value)];
};
const field = (index, bytes) => [index << 3 | 2, ...number(BigInt(bytes.length)), ...bytes];
const encode = (words) => new TextEncoder().encode(words);
const inflate = async (bytes) => new Uint8Array(await new Response(
  new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
const read = (url, beatMs) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const beat = () => socket.readyState === 1 && socket.send(new Uint8Array(field(7, encode("hb"))));
  const beating = setInterval(beat, beatMs);
  socket.onopen = beat;
  socket.onclose = () => clearInterval(beating);
  socket.onmessage = async (message) => {
    const frame = fields(new Uint8Array(message.data));
    if (text(frame.get(7)?.[0]) !== "msg") return;
    const packed = (frame.get(5) ?? []).map(fields)
      .some((h) => text(h.get(1)[0]) === "compress_type" && text(h.get(2)?.[0]) === "gzip");
    const body = frame.get(8)?.[0] ?? new Uint8Array();
    const response = fields(packed ? await inflate(body) : body);
    if (response.get(9)?.[0] && socket.readyState === 1) socket.send(new Uint8Array([
      2 << 3, ...number(frame.get(2)[0]), ...field(7, encode("ack")),
      ...field(8, response.get(5)?.[0] ?? []),
    ]));
  };
};
"""
_SOCKET = "read(page.push, page.beatMs);"
_WORKER = (
    f"const source = {json.dumps(_READER)} + 'const page = ' + JSON.stringify(page)"
    f" + {json.dumps(';' + _SOCKET)};"
    "new Worker(URL.createObjectURL(new Blob([source])));"
)
_STREAM = "fetch(page.stream).catch(() => {});"
_POLLING = """
let cursor = "";
const ask = async () => {
  const answer = await fetch(`${page.fetch}&cursor=${encodeURIComponent(cursor)}`);
  cursor = text(fields(new Uint8Array(await answer.arrayBuffer())).get(2)?.[0]);
  setTimeout(ask, page.askMs);
};
ask();
"""
_MEDIA = """
<style>@font-face { font-family: f; src: url(/pretend.woff2) } body { font-family: f }</style>
<img src="/pretend.png"><video src="/pretend.mp4" autoplay muted></video>
"""
_WALLS: Mapping[PageMode, str] = {
    "login": '<div id="douyin_login_comp_flat_panel">登录后即可观看</div>',
    "captcha": '<div id="captcha_container">请完成下列验证后继续</div>',
}
_WORK: Mapping[PageMode, str] = {"socket": _SOCKET, "worker": _WORKER, "polling": _POLLING}
_ASK_MS = 200


def page_body(broadcast: Broadcast, mode: PageMode, guest_id: str) -> str:
    """What the room's page holds beside its state."""
    if mode not in _WORK:
        return _WALLS.get(mode, "")
    page = {
        "push": _push_url(broadcast, guest_id),
        "fetch": f"/webcast/im/fetch/?{urlencode(_fetch_query(broadcast, guest_id))}",
        "beatMs": round(broadcast.heartbeat_s * 1000),
        "askMs": _ASK_MS,
        "stream": broadcast.flv_url,
    }
    return (
        f"{_MEDIA}<script>const page = {json.dumps(page)};{_READER}{_WORK[mode]}{_STREAM}</script>"
    )


def _push_url(broadcast: Broadcast, guest_id: str) -> str:
    query = {
        "webcast_sdk_version": "1.0.15",
        "compress": "gzip",
        "cursor": "",
        "internal_ext": "",
        "user_unique_id": guest_id,
        "identity": "audience",
        "need_persist_msg_count": "15",
        "room_id": broadcast.room_id,
    }
    return f"{broadcast.push_url}/webcast/im/push/v2/?{urlencode(signed(query))}"


def _fetch_query(broadcast: Broadcast, guest_id: str) -> dict[str, str]:
    return {"room_id": broadcast.room_id, "user_unique_id": guest_id, "a_bogus": "made-by-the-page"}
