"""The command line: `tfgen`, or `python -m tfgen`.

A command imports TensorFlow when it runs, so that help and `tfgen list` answer at once.
"""

import re
import sys

import typer

from tfgen.cli import latent, models, quickstart, results, training
from tfgen.cli.console import disk_is_full
from tfgen.errors import InputError

app = typer.Typer(
    help="Generative models for TensorFlow: train, look, score, export.",
    epilog="Begin with `tfgen quickstart`; `tfgen COMMAND --help` has examples.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("quickstart")(quickstart.command)
app.command("list")(models.table)
app.command("show")(models.show)
app.command("train")(training.train)
app.command("sample")(results.sample)
app.command("evaluate")(results.evaluate)
app.command("export")(results.export)
app.add_typer(latent.app, name="latent")


def main(args=None):
    """Runs the command line and exits: 0 when all is well, 2 for bad input, 130 for Ctrl-C."""
    try:
        app(args, prog_name="tfgen")
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
    print(f"tfgen: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(2)
