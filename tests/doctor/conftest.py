"""What the tests of the doctor share, in one process."""

import pytest


@pytest.fixture(scope="session")
def healthy():
    """A model that has learnt for ten epochs; its doctor, and the history."""
    from watching import build, watched  # which starts TensorFlow, once tests/conftest.py has set it up

    model = build()
    return model, *watched(model, 10)
