"""Run folders in little time, where what was learnt does not count."""

import contextlib
from unittest import mock


@contextlib.contextmanager
def untrained():
    """Inside a training counts steps and changes no weight: to trace a step takes seconds."""
    with mock.patch("tfgen.models.plan.play", lambda *_: None):
        yield
