"""Does an adversary that sees the frames before make the next one of moving digits better?"""

import numpy as np
from keras.optimizers import Adam

from tfgen.data.opening import open_source
from tfgen.fields import Image
from tfgen.metrics import pairs
from tfgen.models import ContextRNNGAN
from tfgen.pictures import grid, moving
from tools.studies._arrays import in_parts
from tools.studies._training import Budget, trained

published = (
    "Ghosh et al. (2017) have 35.4 % right answers on diagrams (DAR), which are not here; what their next "
    "frames of Moving MNIST scored is not recalled. Other digits, another size: the order of the rows is "
    "what compares."
)
GIVEN, AHEAD, RANGE = 5, 3, (-1, 1)
LOSSES = {"squared error": 0.0, "with the adversary": 0.01}  # weight of the second
START, FURTHER, BATCH, RATE = 200, 150, 16, 2e-3
MODEL = dict(image_shape=(32, 32, 1), given=GIVEN, predicted=AHEAD, width=16, units=32)
SHOWN = 6


def windows():
    """Bytes (n, 8, 32, 32, 1) of the test split, every eighth window."""
    source = open_source("moving_digits", "test", names={"frames": Image((GIVEN + AHEAD, 32, 32, 1))})
    frames, starts = np.asarray(source.frames), np.asarray(source.starts)[::8]
    return np.stack([frames[start : start + source.length] for start in starts])


def scores(made, truth):
    """{column: value} of each frame ahead."""
    row = {}
    for k in range(AHEAD):
        guess, true = made[:, k], truth[:, k]
        row[f"error {k + 1}"] = round(float(((guess - true) ** 2).mean()), 4)
        for name, score in (("SSIM", pairs.ssim), ("sharpness", pairs.sharpness)):
            row[f"{name} {k + 1}"] = round(float(score(guess, true, RANGE).mean()), 3)
    return row


def run(folder, data_dir, seed, share=1.0):
    frames = windows()
    given, truth = frames[:, :GIVEN], frames[:, GIVEN:] / 127.5 - 1
    made = {"last frame again": np.repeat(given[:, -1:], AHEAD, 1) / 127.5 - 1}
    costs, weights, models = {}, None, {}
    for loss in (None, *LOSSES):
        model = models[loss] = ContextRNNGAN(**MODEL, adversarial_weight=LOSSES.get(loss, 0.0), seed=seed)
        if weights is not None:
            model.generator.set_weights(weights)
        rates = {"generator": RATE if weights is None else RATE / 4, "discriminator": RATE / 4}
        costs[loss], history = trained(
            model, "moving_digits", 1000, BATCH, None, seed,
            how={"optimizer": {name: Adam(rates[name]) for name in model.objectives()}},
            callbacks=[Budget(share * (START if loss is None else FURTHER))],
        )  # fmt: skip
        weights = model.generator.get_weights() if weights is None else weights
        found = in_parts(lambda x, net=model: net.extend(x, AHEAD), given)
        print(loss, int(model.step), scores(found, truth), {k: v[-1] for k, v in history.items()}, flush=True)
        if loss is not None:
            made[loss] = found
    rows = [
        {"frames by": name, **scores(images, truth)}
        | ({"core-seconds": round(costs[name])} if name in costs else {})
        for name, images in made.items()
    ]
    some = np.arange(0, len(frames), len(frames) // SHOWN)[:SHOWN]
    titles = [*(f"given {k + 1}" for k in (GIVEN - 2, GIVEN - 1))]
    cells = [given[some, k] / 127.5 - 1 for k in (GIVEN - 2, GIVEN - 1)]
    for name, images in {**{name: made[name] for name in LOSSES}, "truth": truth}.items():
        titles += [f"{name[:9]} +{k + 1}" for k in range(AHEAD)]
        cells += [images[some, k] for k in range(AHEAD)]
    cells = np.stack(cells, axis=1).reshape(-1, 32, 32, 1)
    grid(cells, RANGE, columns=len(titles), titles=titles).save(folder / "next_frames.png")
    model = models["with the adversary"]
    clips = np.concatenate([given[some] / 127.5 - 1, model.extend(given[some], 12)], axis=1)
    moving(clips, RANGE, folder / "extended.gif")
    return {
        "protocol": (
            f"Two of scikit-learn's digits moving on 32x32, {GIVEN} frames given of {GIVEN + AHEAD}, batches "
            f"of {BATCH}; width {MODEL['width']}, {MODEL['units']} maps of state, Adam. A network learns the "
            f"squared error for {START} core-seconds at a rate of {RATE}, then each loss goes on from it for "
            f"{FURTHER} at a quarter, the adversary from its beginning, of weight "
            f"{LOSSES['with the adversary']}. Means over {len(frames)} windows of the test's clips, of other "
            "digits: squared error of values in [-1, 1], SSIM, sharpness in dB as FramePredictor's paper "
            "defines it, of the frames 1 to 3, each of which follows those that were made. Pictures: test "
            "windows; clips that go on by 12 frames, with the adversary."
        ),
        "rows": rows,
    }
