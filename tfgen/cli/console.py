"""What a command line needs of a console."""

import errno
import os
import re
import sys
from importlib import metadata
from typing import Annotated

import typer

from tfgen import onednn
from tfgen.environment import check_backend, importing
from tfgen.errors import InputError
from tfgen.version import __version__


def import_tensorflow():
    """Imports TensorFlow without the lines on devices that it writes to stderr at every start.

    It writes the first of them before it has read its own setting, so they are caught at the
    file descriptor. Whoever sets TF_CPP_MIN_LOG_LEVEL sees what it asks for.
    """
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        check_backend()
    if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        with importing():
            import absl.logging
            import keras  # noqa: F401
            import tensorflow  # noqa: F401

        absl.logging.set_verbosity(absl.logging.ERROR)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def _print_version(asked):
    if not asked:
        return
    versions = [f"{name} {metadata.version(name.lower())}" for name in ("Keras", "TensorFlow")]
    import_tensorflow()
    print(f"tfgen {__version__}, {', '.join(versions)}, oneDNN {'on' if onednn.is_on() else 'off'}")
    raise typer.Exit


def version(
    show: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Prints the versions of tfgen, Keras and TensorFlow, and whether oneDNN is on.",
        ),
    ] = False,
):
    """The options of `tfgen` itself."""


def application(**options):
    """A typer application as both command lines have it; options are `typer.Typer`'s."""
    return typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        **options,
    )


def run(app, name, args=None):
    """Runs a typer application and exits: 0 when all is well, 2 for bad input, 130 for Ctrl-C."""
    try:
        app(args, prog_name=name)
    except InputError as error:
        line = str(error)
    except OSError as error:
        if disk_is_full(error):
            line = "the disk is full; nothing is half-written: make room, then do the same again"
        elif error.strerror:
            line = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        else:
            raise
    except Exception as error:
        # What a function inside a tf.data pipeline raised comes back within TensorFlow's own error.
        found = re.search(r"^tfgen\.errors\.InputError: (.+)$", str(error), re.MULTILINE)
        if not found:
            raise
        line = found[1]
    print(f"{name}: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(2)


def disk_is_full(error):
    """Whether an error of the system, of HDF5 or of TensorFlow means that; the last two say it in words."""
    return getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error)
