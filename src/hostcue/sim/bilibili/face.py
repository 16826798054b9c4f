"""A Bilibili room on loopback: what tests talk to, and what they make it do."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal, Self

import anyio

from hostcue.sim.bilibili import packets
from hostcue.sim.bilibili.commands import Command, Person, Writer
from hostcue.sim.bilibili.push import ABNORMAL, PushServer
from hostcue.sim.bilibili.room import Room, Seen
from hostcue.sim.bilibili.web import WebFace
from hostcue.sim.http import serve_app

_TYPES = {"enter": 1, "follow": 2, "share": 3}
_BOMB_BYTES = 40 << 20


class BilibiliFace:
    """One room whose audience says what it is made to say.

    `web_url` and `push_url` are the settings `HOSTCUE_BILIBILI_WEB_URL` and `..._PUSH_URL`; `link`
    is what a user would paste, with the short number. `said` holds the lines so far, by their ids.
    """

    def __init__(self, room: Room, web: WebFace, web_url: str, push: PushServer) -> None:
        self.web_url = web_url
        self.push_url = push.url
        self.live_id = str(room.short_id)
        self.number = room.number
        self.link = f"https://live.bilibili.com/{room.short_id}"
        self.anchor_name = room.anchor_name
        self.said: list[tuple[str, str]] = []
        self.writer = Writer(room.number)
        self._room = room
        self._web = web
        self._push = push
        self._last: tuple[Command, Command] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        flv_url: str = "http://127.0.0.1:9/live.flv",
        number: int = 22_637_261,
        short_id: int = 6,
        anchor_name: str = "小满的鞋铺",
        title: str = "秋冬新款上新，全场包邮",
        heartbeat_s: float = 30.0,
        online_s: float = 3.0,
        masks_guests: bool = True,
        login: str = "5e55da7a",
        login_uid: int = 160_148_624,
    ) -> AsyncIterator[Self]:
        """Go live until the context ends.

        Args:
            flv_url: the stream; its qualities are the same URL with `_hd` and so on before `.flv`.
            number: the room's real number, which alone the push server knows.
            short_id: the one in its link.
            anchor_name: the host.
            title: of the broadcast.
            heartbeat_s: a viewer that sends none for twice as long is dropped.
            online_s: how often everyone is told the number of viewers.
            masks_guests: show guests names as `小***` and every number as 0, as the platform does.
            login: the `SESSDATA` cookie that is known.
            login_uid: whose it is.
        """
        room = Room(
            number,
            short_id,
            anchor_uid=3_493_090,
            anchor_name=anchor_name,
            title=title,
            stream_url=flv_url,
            heartbeat_s=heartbeat_s,
            login=login,
            login_uid=login_uid,
            masks_guests=masks_guests,
        )
        web = WebFace(room)
        async with (
            serve_app(web.app) as web_url,
            PushServer.open(room) as push,
            anyio.create_task_group() as tasks,
        ):
            port = int(push.url.rpartition(":")[2])
            web.hosts.append({"host": "127.0.0.1", "port": port, "wss_port": port, "ws_port": port})
            face = cls(room, web, web_url, push)
            tasks.start_soon(face._tell_online, online_s)
            yield face
            tasks.cancel_scope.cancel()

    def environment(self) -> dict[str, str]:
        """The settings with which hostcue takes this room for the real thing."""
        return {
            "HOSTCUE_BILIBILI_WEB_URL": self.web_url,
            "HOSTCUE_BILIBILI_PUSH_URL": self.push_url,
            "HOSTCUE_ALLOW_PRIVATE_URLS": "true",
        }

    # what the audience does

    def say(
        self, text: str, *, user: str = "爱吃瓜的小王", uid: int = 5_201_314, dm_type: int = 0
    ) -> str:
        """A line of chat; `dm_type` 1 is an emoticon. Returns its id."""
        person = Person(uid, user)
        comment_id, command = self.writer.chat(person, text, dm_type=dm_type)
        self.said.append((comment_id, text))
        self._send(command, self._masked_chat(command, person))
        return comment_id

    def resend_last(self) -> None:
        """The last command once more, exactly."""
        if self._last is not None:
            self._push.publish(self._last)

    def gift(self, name: str = "小花花", num: int = 1, *, uid: int = 1001) -> None:
        """A gift of no combo."""
        self._both(lambda person: self.writer.gift(person, name, num), Person(uid, "豆豆"))

    def combo(self, name: str, steps: int, *, summary_first: bool = False, lost: int = 0) -> None:
        """A combo of single gifts with its summaries, of which the first `lost` gifts get lost."""
        person = Person(1002, "阿梅")
        combo_id = f"batch:gift:combo_id:{person.uid}:{secrets.token_hex(4)}"
        for step in range(1, steps + 1):
            gift = self.writer.gift(person, name, 1, combo_id=combo_id)
            summary = self.writer.combo(person, name, step, combo_id=combo_id)
            for command in (summary, gift) if summary_first else (gift, summary):
                if command is summary or step > lost:
                    self._send(command, _masked(command, person))

    def super_chat(self, text: str, price: int = 30) -> None:
        """A paid line."""
        self._both(lambda person: self.writer.super_chat(person, text, price), Person(1003, "老周"))

    def interact(self, kind: Literal["enter", "follow", "share"], *, uid: int = 1004) -> None:
        """Somebody comes in, follows or shares."""
        self._both(
            lambda person: self.writer.interaction(person, _TYPES[kind]), Person(uid, "路人")
        )

    def like(self, *, uid: int = 1005) -> None:
        """Somebody's like."""
        self._both(self.writer.like, Person(uid, "点点"))

    def tell(self, cmd: str, **data: object) -> None:
        """Any other command, such as `LIKE_INFO_V3_UPDATE` with its `click_count`."""
        command = self.writer.plain(cmd, **data)
        self._send(command, command)

    # what the host does

    def end(self) -> None:
        """End the broadcast: the announcement, and offline."""
        self.go_offline()
        self.announce("PREPARING")

    def announce(self, cmd: Literal["LIVE", "PREPARING"]) -> None:
        """Say so, whatever is the case."""
        command = self.writer.state(cmd)
        self._send(command, command)

    def go_offline(self) -> None:
        """Offline, without a word on the comment servers."""
        self._room.is_live = False

    def go_live(self) -> None:
        """Live again."""
        self._room.is_live = True
        self.announce("LIVE")

    # what goes wrong

    def drop_line(self, code: int = ABNORMAL) -> None:
        """Close every comment connection with this code, or cut it when the code is 1006."""
        self._push.publish(code)

    def stall(self, *, on: bool = True) -> None:
        """Answer heartbeats, send no commands."""
        self._room.faults.is_stalled = on

    def go_silent(self, *, on: bool = True) -> None:
        """Send nothing at all on open connections, not even answers to heartbeats."""
        self._room.faults.is_silent = on

    def refuse(self, *, on: bool = True) -> None:
        """Risk control: the web API answers -352 to everybody."""
        self._room.faults.is_refusing = on

    def refuse_keys(self, *, on: bool = True) -> None:
        """The push server admits nobody."""
        self._room.faults.refuses_keys = on

    def expire_keys(self) -> None:
        """All keys given out so far are good no more."""
        self._room.keys.clear()

    def change_signing_keys(self) -> None:
        """As each day."""
        self._web.change_keys()

    def double(self, *, on: bool = True) -> None:
        """Send each command twice."""
        self._room.faults.doubles = on

    def garble(self) -> None:
        """A frame that is no packet."""
        self._push.publish(b"\xff" * 40)

    def corrupt(self) -> None:
        """A packet whose compressed body is damaged."""
        self._push.publish(packets.packet(packets.MESSAGE, b"\x78\x9c broken", 2))

    def bomb(self) -> None:
        """A small packet that inflates to 40 MB."""
        self._push.publish(packets.bomb(_BOMB_BYTES))

    # what a test looks at

    @property
    def seen(self) -> Seen:
        """All that was counted of its clients."""
        return self._room.seen

    @property
    def requests(self) -> list[tuple[str, dict[str, str]]]:
        """HTTP requests so far: path, headers by lower-case name."""
        return self._web.requests

    @property
    def viewers(self) -> int:
        """How many comment connections are open and admitted."""
        return len(self._push.viewers)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something about the connections is true."""
        await self._push.signal.until(holds)

    async def wait_viewers(self, n: int) -> None:
        """Wait until exactly `n` comment connections are open."""
        await self.until(lambda: self.viewers == n)

    def _both(self, write: Callable[[Person], Command], person: Person) -> None:
        command = write(person)
        self._send(command, _masked(command, person))

    def _send(self, command: Command, as_guest: Command) -> None:
        self._last = (command, as_guest if self._room.masks_guests else command)
        self._push.publish(self._last)

    def _masked_chat(self, command: Command, person: Person) -> Command:
        info = command["info"]
        assert isinstance(info, list)  # noqa: S101 - made so
        hidden = person.masked
        sender = [hidden.uid, hidden.name, *info[2][2:]]
        return command | {"info": [info[0], info[1], sender, *info[3:]]}

    async def _tell_online(self, every_s: float) -> None:
        while True:
            self.tell("ONLINE_RANK_COUNT", count=10, count_text="10", online_count=42)
            await anyio.sleep(every_s)


def _masked(command: Command, person: Person) -> Command:
    """As guests are shown it; what is in protobuf is written anew by nobody, so it stays."""
    data = command.get("data")
    if not isinstance(data, dict) or "uid" not in data:
        return command
    hidden = person.masked
    shown = data | {"uid": hidden.uid}
    if "uname" in data:
        shown["uname"] = hidden.name
    if "user_info" in data:
        shown["user_info"] = {"uname": hidden.name}
    return command | {"data": shown}
