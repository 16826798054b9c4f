"""What the push server says, in the shapes of 2025 and 2026 (public documentation)."""

from __future__ import annotations

import base64
import json
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

Command = dict[str, object]
_GOLD_PER_GIFT = 100


@dataclass(frozen=True, slots=True)
class Person:
    """A viewer as their own account shows them."""

    uid: int
    name: str

    @property
    def masked(self) -> Person:
        """As guests are shown them."""
        return Person(0, f"{self.name[:1]}***")


@dataclass(slots=True)
class Writer:
    """Writes one room's commands; `old_forms` leaves out what newer servers add to each."""

    number: int
    old_forms: bool = False
    skew_ms: int = 0
    _serial: count[int] = field(default_factory=lambda: count(30_000_000_000_000_000))

    def now_ms(self) -> int:
        """The platform's clock."""
        return time.time_ns() // 1_000_000 + self.skew_ms

    def chat(self, person: Person, text: str, *, dm_type: int = 0) -> tuple[str, Command]:
        """A line, and the id that tells it apart."""
        id_str = secrets.token_hex(17)
        at_ms, rnd = self.now_ms(), secrets.randbelow(1 << 31)
        crc = f"{zlib.crc32(str(person.uid).encode()):x}"
        extra = {"id_str": id_str, "content": text, "dm_type": dm_type, "user_hash": crc}
        user = {"uid": person.uid, "base": {"name": person.name}}
        more: object = {"extra": json.dumps(extra, ensure_ascii=False), "user": user}
        if self.old_forms:
            more = {}
        facts: list[object] = [0, 1, 25, 0xFFFFFF, at_ms, rnd, 0, crc, 0, 0, 0, "", dm_type]
        facts += ["{}", "{}", more, {"activity_source": 0}, 0]
        ct = f"{secrets.randbits(32):X}"
        info: list[object] = [facts, text, [person.uid, person.name, 0, 0, 0, 10000, 1, ""]]
        info += [[21, "粉丝团", "主播", self.number, 0, "", 0], [12, 0, 0, ">50000", 0], ["", ""]]
        info += [0, 0, None, {"ct": ct, "ts": at_ms // 1000}, 0, 0, None, None, 0, 0, [9]]
        command: Command = {"cmd": "DANMU_MSG", "dm_v2": "", "info": info}
        if self.old_forms:
            return f"{at_ms}-{rnd}-{crc}-{ct}", command
        return id_str, self._sent(command)

    def gift(self, person: Person, name: str, num: int, *, combo_id: str = "") -> Command:
        """A gift, or one step of a combo."""
        tid = str(secrets.randbits(60))
        data = {
            "action": "投喂",
            "batch_combo_id": combo_id,
            "coin_type": "gold",
            "giftId": 31036,
            "giftName": name,
            "num": num,
            "price": _GOLD_PER_GIFT,
            "rnd": tid,
            "tid": tid,
            "timestamp": self.now_ms() // 1000,
            "total_coin": num * _GOLD_PER_GIFT,
            "uid": person.uid,
            "uname": person.name,
        }
        return self._sent({"cmd": "SEND_GIFT", "data": data})

    def combo(self, person: Person, name: str, total: int, *, combo_id: str) -> Command:
        """The summary of a combo so far."""
        data = {
            "action": "投喂",
            "batch_combo_id": combo_id,
            "batch_combo_num": total,
            "combo_num": total,
            "combo_total_coin": total * _GOLD_PER_GIFT,
            "gift_id": 31036,
            "gift_name": name,
            "gift_num": 0,
            "total_num": total,
            "uid": person.uid,
            "uname": person.name,
        }
        return self._sent({"cmd": "COMBO_SEND", "data": data})

    def super_chat(self, person: Person, text: str, price: int) -> Command:
        """A paid line, which stays on top for a while."""
        at_s = self.now_ms() // 1000
        data = {
            "id": secrets.randbelow(1 << 31),
            "uid": person.uid,
            "message": text,
            "price": price,
            "ts": at_s,
            "start_time": at_s,
            "end_time": at_s + 60,
            "gift": {"gift_id": 12000, "gift_name": "醒目留言"},
            "user_info": {"uname": person.name},
        }
        return self._sent({"cmd": "SUPER_CHAT_MESSAGE", "data": data})

    def interaction(self, person: Person, msg_type: int) -> Command:
        """Somebody enters (1), follows (2) or shares (3): since 2025 in protobuf."""
        at_ms = self.now_ms()
        if self.old_forms:
            data: Mapping[str, object] = {
                "msg_type": msg_type,
                "roomid": self.number,
                "timestamp": at_ms // 1000,
                "trigger_time": at_ms * 1_000_000,
                "uid": person.uid,
                "uname": person.name,
            }
            return self._sent({"cmd": "INTERACT_WORD", "data": data})
        fields: dict[int, int | str] = {1: person.uid, 2: person.name, 5: msg_type}
        fields |= {6: self.number, 7: at_ms // 1000, 8: at_ms}
        body = b"".join(_field(number, value) for number, value in fields.items())
        data = {"dmscore": 4, "pb": base64.b64encode(body).decode()}
        return self._sent({"cmd": "INTERACT_WORD_V2", "data": data})

    def like(self, person: Person) -> Command:
        """Somebody's like."""
        data = {"uid": person.uid, "uname": person.name, "like_text": "为主播点赞了", "msg_type": 6}
        return self._sent({"cmd": "LIKE_INFO_V3_CLICK", "data": data})

    def plain(self, cmd: str, **data: object) -> Command:
        """Any other command."""
        return self._sent({"cmd": cmd, "data": data})

    def state(self, cmd: str) -> Command:
        """`LIVE` or `PREPARING`, whose room is in no `data`."""
        return self._sent({"cmd": cmd, "roomid": str(self.number)})

    def _sent(self, command: Command) -> Command:
        if self.old_forms:
            return command
        more = {"msg_id": f"{next(self._serial)}:1000:1000", "send_time": self.now_ms()}
        return command | {"p_is_ack": True, "p_msg_type": 1} | more


def _field(number: int, value: int | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode()
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
