"""Trainings of a few steps, which are not worth the graphs that Keras would make of them."""

import contextlib

import pytest

from tfgen.models.training import Trains


@contextlib.contextmanager
def eagerly():
    """Context in which models are compiled to be trained without graphs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Trains.compile.__kwdefaults__, "run_eagerly", True)
        yield
