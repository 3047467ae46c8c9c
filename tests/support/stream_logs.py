"""Logs of live sessions, written by hand."""

import json

import pandas as pd

from soniox_ds.live.result import LiveResult


def token(text, start_ms=None, end_ms=None, *, final=False, **more):
    times = {} if start_ms is None else {"start_ms": start_ms, "end_ms": start_ms + 60 if end_ms is None else end_ms}
    return {"text": text, **times, "confidence": 0.9, "is_final": final, **more}


class Log:
    """The events of one recording; each method adds one and returns the log."""

    def __init__(self, audio_id="a"):
        self.audio_id = audio_id
        self.session, self.offset_ms, self.audio_ms = 0, 0, 0.0
        self.rows = []

    def _add(self, kind, at_ms, payload=None):
        self.rows.append(
            {
                "audio_id": self.audio_id,
                "at_ms": float(at_ms),
                "kind": kind,
                "session": self.session,
                "offset_ms": self.offset_ms,
                "audio_ms": self.audio_ms,
                "payload": payload,
            }
        )
        return self

    def audio(self, at_ms, until_ms):
        """Audio was handed over: from now on all up to `until_ms`."""
        self.audio_ms = until_ms
        return self._add("audio", at_ms)

    def spoken(self, until_ms, *, chunk_ms=100, speed=1.0, from_ms=0):
        """Chunks in real time, or faster."""
        for end_ms in range(from_ms + chunk_ms, until_ms + 1, chunk_ms):
            self.audio((end_ms - chunk_ms) / speed, end_ms)
        return self

    def connecting(self, at_ms):
        return self._add("connecting", at_ms)

    def opened(self, at_ms, *, session=0, offset_ms=0):
        self.session, self.offset_ms = session, offset_ms
        return self._add("open", at_ms)

    def lost(self, at_ms):
        return self._add("lost", at_ms, "the connection was reset")

    def control(self, at_ms, payload):
        return self._add("control", at_ms, payload)

    def message(self, at_ms, *tokens, **more):
        return self._add("message", at_ms, json.dumps({"tokens": list(tokens), **more}))

    @property
    def table(self):
        """Return the log, in the order of time."""
        return pd.DataFrame(self.rows).sort_values("at_ms", kind="stable", ignore_index=True)


def streamed(*logs, failed=(), **metadata):
    """Return the LiveResult of sx.stream_dataset for these logs. Metadata have one value for each log."""
    recordings = pd.DataFrame({"audio_id": [log.audio_id for log in logs], **metadata})
    recordings["status"] = ["failed" if log.audio_id in failed else "completed" for log in logs]
    return LiveResult(recordings, pd.concat([log.table for log in logs], ignore_index=True))
