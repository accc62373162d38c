"""`tfgen quickstart`: train, score and export on built-in data, in less than two minutes."""

import time
from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli import results
from tfgen.cli.console import import_tensorflow


def command(out: Annotated[Path, typer.Option(help="The folder to create.")] = Path("quickstart")):
    """Trains, scores and exports a model in two minutes.

    A DCGAN learns scikit-learn's handwritten digits, without any download. The folder becomes a run
    folder as of `tfgen train`, with a picture of samples, scores, a SavedModel and ONNX files.

    \b
    Examples:
      tfgen quickstart
      tfgen quickstart --out runs/first
    """
    run(out)


def run(out, epochs=100, width=64):
    """What the command does, with a training of any length."""
    start = time.monotonic()
    print(f"Training a DCGAN on handwritten digits of 8x8 pixels for {epochs} epochs", flush=True)
    import_tensorflow()
    import keras

    from tfgen import runs

    class Progress(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if (epoch + 1) % max(1, epochs // 10) == 0:
                losses = "  ".join(f"{name} {value:.3f}" for name, value in logs.items())
                seconds = time.monotonic() - start
                print(f"  epoch {epoch + 1:3}/{epochs}  {losses}  {seconds:3.0f} s", flush=True)

    runs.train(
        "dcgan",
        out,
        "digits",
        arguments={"width": width},
        epochs=epochs,
        batch_size=64,
        verbose=0,
        callbacks=[Progress()],
    )
    results.sample(out)
    print("Scores against real digits that it never saw (the aim: train images)", flush=True)
    results.score(out, metrics=("frechet", "precision", "recall"), reference=True)
    print("Exporting, and checking the export", flush=True)
    results.export(out)
    print(
        f"\nDone in {time.monotonic() - start:.0f} s. In {out}/:\n"
        f"  samples.png             images that the model drew\n"
        f"  samples/                the same noise after each epoch of training\n"
        f"  metrics.csv             losses by epoch; tensorboard --logdir {out}/tensorboard\n"
        f"  scores.json             the scores with what they compared\n"
        f"  model.keras             the model: keras.models.load_model, after import tfgen\n"
        f"  export/saved_model/     for tf.saved_model.load\n"
        f"  export/onnx/            for onnxruntime; neither of the two needs tfgen\n"
        f"Next:\n"
        f"  tfgen sample {out} -n 16 --seed 1 --to more.png\n"
        f"  tfgen train --resume {out} --epochs {2 * epochs}\n"
        f"  tfgen list"
    )
