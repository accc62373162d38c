"""The command line, called in this process."""

import pytest

from tfgen.cli import main


def tfgen(*args):
    """The exit code of `tfgen ARGS`."""
    with pytest.raises(SystemExit) as exit:
        main(list(map(str, args)))
    return exit.value.code or 0
