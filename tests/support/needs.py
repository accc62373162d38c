"""What some tests need that pip does not have; `.ci/run` installs it."""

import pytest

from export import browser, node
from tfgen.errors import InputError


def needs(*finds):
    """A mark that skips where one of the functions does not find what it looks for, and says what."""
    missing = ""
    try:
        for find in finds:
            find()
    except InputError as error:
        missing = str(error)
    return pytest.mark.skipif(bool(missing), reason=missing)


def npm():
    node.executable("npm")


JAVASCRIPT = needs(node.executable, npm)
PAGES = needs(browser.executable, npm)
