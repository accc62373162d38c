"""`tfgen quickstart`: train, look, score and export on built-in data, in less than two minutes."""

import time
from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli import results
from tfgen.cli.console import import_tensorflow

ARGUMENTS = dict(body="dense", latent_dim=16, likelihood="discretized_logistic", ema_decay=0.99)
ROWS = 5  # of the picture


def command(out: Annotated[Path, typer.Option(help="The folder to create.")] = Path("quickstart")):
    """Trains, scores and exports a model in two minutes.

    A conditional VAE learns scikit-learn's handwritten digits, without any download. The folder becomes a
    run folder as of `tfgen train`, with a picture of real and of drawn digits, scores, a SavedModel and
    ONNX files.

    \b
    Examples:
      tfgen quickstart
      tfgen quickstart --out runs/first
    """
    run(out)


def run(out, epochs=60, width=256):
    """What the command does, with a training of any length."""
    start = time.monotonic()
    print(f"Training a conditional VAE on handwritten digits of 8x8 pixels for {epochs} epochs", flush=True)
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
        "cvae",
        out,
        "digits",
        arguments={**ARGUMENTS, "width": width},
        options={"binarize": None},
        epochs=epochs,
        batch_size=32,
        verbose=0,
        callbacks=[Progress()],
    )
    picture(out)
    print("Scores against real digits that the model never saw (the aim: train images)", flush=True)
    results.score(out, metrics=("frechet", "precision", "recall", "class_agreement"), reference=True)
    print("Exporting, and checking the export", flush=True)
    results.export(out)
    print(
        f"\nDone in {time.monotonic() - start:.0f} s. In {out}/:\n"
        f"  samples.png             real digits to the left, to the right those that the model drew\n"
        f"  samples/                the same noise after each epoch of training\n"
        f"  metrics.csv             losses by epoch; tensorboard --logdir {out}/tensorboard\n"
        f"  scores.json             the scores with what they compared\n"
        f"  model.keras             the model: keras.models.load_model, after import tfgen\n"
        f"  export/saved_model/     for tf.saved_model.load\n"
        f"  export/onnx/            for onnxruntime; neither of the two needs tfgen\n"
        f"Next:\n"
        f"  tfgen sample {out} --label 3,5 -n 16 --to more.png\n"
        f"  tfgen latent interpolate {out} --to ways.png\n"
        f"  tfgen train --resume {out} --epochs {2 * epochs}\n"
        f"  tfgen list"
    )


def picture(out):
    """Writes OUT/samples.png: real digits that the model never saw, beside those that it draws."""
    import numpy as np

    from tfgen import data, pictures, runs
    from tfgen.files import replacing

    model = runs.load(out)
    test = data.load("digits", "test", for_model=model, drop_remainder=False)
    images, labels = map(np.concatenate, zip(*test.as_numpy_iterator()))
    digits = range(model.classes)
    real = np.stack([images[labels == digit][:ROWS] for digit in digits], axis=1)
    drawn = model.sample(ROWS * len(digits), seed=0, labels=np.tile(digits, ROWS))
    both = np.concatenate([real, np.reshape(drawn, real.shape)], axis=1)
    titles = [f"{kind} {digit}" for kind in ("real", "drawn") for digit in digits]
    shown = both.reshape(-1, *model.image_shape)
    with replacing(out / "samples.png") as part:
        pictures.grid(shown, model.value_range, len(titles), titles=titles).save(part)
