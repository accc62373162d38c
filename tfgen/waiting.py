"""A line for a wait of which nobody would know what it is, as for a compiler."""

import sys
import threading

SLOW = 5.0  # seconds without it


class Waiting:
    """Prints `line` to standard error if what it surrounds takes long, and `end` is not called before."""

    def __init__(self, line: str):
        self._timer = threading.Timer(SLOW, self._say, [line])
        self._timer.daemon = True

    @staticmethod
    def _say(line):
        print(f"tfgen: {line}", file=sys.stderr, flush=True)

    def end(self):
        self._timer.cancel()

    def __enter__(self):
        self._timer.start()
        return self

    def __exit__(self, *error):
        self.end()
