"""The command line: `tfgen`, or `python -m tfgen`.

A command imports TensorFlow when it runs, so that help and `tfgen list` answer at once.
"""

from tfgen.cli import completion, latent, models, quickstart, results, sampling, training, translation
from tfgen.cli.console import application, run, version

app = application(
    help="Generative models for TensorFlow: train, sample, score and export them.",
    epilog="Start with `tfgen quickstart`. Each `tfgen COMMAND --help` shows examples.",
)
app.callback()(version)
app.command("quickstart")(quickstart.command)
app.command("list")(models.table)
app.command("show")(models.show)
app.command("train")(training.train)
app.command("sample")(sampling.sample)
app.command("translate")(translation.translate)
app.command("complete")(completion.complete)
app.command("evaluate")(results.evaluate)
app.command("export")(results.export)
app.add_typer(latent.app, name="latent")


def main(args=None):
    """Runs the command line and exits: 0 when all is well, 2 for bad input, 130 for Ctrl-C."""
    run(app, "tfgen", args)
