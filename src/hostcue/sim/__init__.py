"""A pretend live room on loopback that speaks the real protocols.

For tests, for `hostcue demo`, and for people who write adapters:

    async with PretendRoom.open() as room:
        ...  # hostcue runs with room.environment() and records room.link
        room.drop_line()
        room.model.answer(status=429, retry_after_s=1)

Its parts work alone too: `flv.LiveFlv`, `douyin.DouyinFace`, `qwen.QwenStandIn`. It shares no
code with what it tests but the generated protobuf classes.
"""
