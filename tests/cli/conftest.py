"""What tests of commands share."""

import pytest
from command import tfgen


@pytest.fixture
def fails(capsys):
    """Runs a command that must end with code 2 and one line; returns the line."""

    def run(*args):
        assert tfgen(*args) == 2
        last, *lines = capsys.readouterr().err.splitlines()[::-1]
        assert last.startswith("tfgen: ")
        assert not any("Traceback" in line or line.startswith("tfgen:") for line in lines)
        return last

    return run
