"""What the host says, as text: sound in, utterances out. Read it in this order.

One room, in the server:
`session.py`     takes a room's sound, tells what was said; the parts below are wired up there
`sound_buffer.py`, `sound_clock.py`  the sound of which it is not known yet what is said in it
`hearing.py`     from sound to transcripts, and what is given up when that takes too long:
                 `listening.py` finds stretches of speech, `recognising.py` has them recognised
`telling.py`     from transcripts to events: sentences, spans heard, gaps, levels, counts
`sentences.py`   times, ids and flags; on the way `cleaner.py`, `assembler.py`, `hot_words.py`
`partials.py`    what is being said just now
`outbox.py`      events on their way to whoever stores them
`session_state.py`, `change.py`  how it stands, and waiting for that to change
`offline.py`     the same for a file; `presets.py` how rooms and files are listened to

The engine, which all rooms share:
`engine.py`      ears and recognisers; `turns.py` who is recognised next
`keeper.py`      keeps one process, `child.py` is that process as the server sees it
`protocol.py`    what the two say to each other

In those processes (no server code is loaded there):
`worker.py`      an ear, or a recogniser
`voice.py`       where somebody speaks; `segmenter.py` cuts there
`sensevoice.py`, `fun_asr_nano.py`  the families of models

Models on this machine:
`catalogue.py`   those that are known; `shelf.py` finds them, `manifest.py` notes what was found
                 right, `shelving.py` puts files in their place
`pull.py`, `download.py`, `intake.py`  how they come: from a mirror, or carried here
`onnx_file.py`, `preflight.py`  whether a file can be what it should be

Read by analyses:
`digest.py`      what was said in a window, in few words
"""
