"""The flow: the only place where the stations meet. Read it in this order.

A room, round the clock:
`supervisor.py`  which rooms are recorded here: start, stop, take up again after a restart
`inquiries.py`   what a platform says when somebody wants a room recorded
`session.py`     one recording's life: watched for, recorded, stopped
`watch.py`       when a room is asked for that is not being recorded
`broadcast.py`   one broadcast to its end, over whatever interrupts it on our side
`logbook.py`     what becomes of a recording: rows, and with them events and analyses
`sessions.py`, `places.py`, `folders.py`  what runs here, how many at once, and where to
`recovery.py`    what a crash or a stop left behind

What is heard and said:
`chats.py`       one collector of comments per room, however many want it
`live_audio.py`  which rooms are listened to, in short; who may want it:
                 `live_audio_recorded.py` a recording, by itself; `live_audio_requested.py` somebody
`live_audio_room.py`, `live_audio_rooms.py`  one of them, and all of them
`live_audio_offline.py`  what nobody heard live, from the files
`speech_log.py`  what a session tells: rows, and with them events
`live_audio_words.py`, `live_audio_supply.py`  names of products, and whether a model is there
`live_audio_status.py`, `speech_notices.py`  how it stands, and what is wrong with it
`analysis_queue.py`  which segments are analysed, and when
`analysis.py`    one closed segment: evidence, model, tips
`pictures.py`    one still image per segment

The disk:
`disk_gate.py`   whether recordings may write
`disk.py`        forecasts, moves the gate, and says so by way of `disk_news.py`
`retention.py`   which old files go, and when; `files.py` measures and removes
`housekeeping.py` when old events are dropped and old files looked for

What people get to know:
`overview.py`    recordings as they stand
`notices.py`     what an operator should know without asking
`notifier.py`, `sender.py`  events that are alarms, and what takes them to people
"""
