"""The flow: the only place where the stations meet. Read it in this order.

`supervisor.py`  which rooms are recorded here: start, stop, take up again after a restart
`session.py`     one recording: its recorder's reports become rows, events and analyses
`chats.py`       one collector of comments per room, however many want it
`analysis_queue.py`  which segments are analysed, and when
`analysis.py`    one closed segment: evidence, model, tips
`overview.py`    recordings as they stand
`notices.py`     what an operator should know without asking
`pictures.py`    one still image per segment
`housekeeping.py` what is dropped when it is old
"""
