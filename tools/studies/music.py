"""What has music of C-RNN-GAN in common with the chorales that it learns from?"""

from pathlib import Path

import keras
import numpy as np

from tfgen import data, music
from tfgen.metrics import music as scores
from tfgen.models import CRNNGAN
from tfgen.pictures import grid
from tools.studies._training import core_seconds, forget, trained

published = (
    "Mogren (2016) plots these statistics over the epochs of a training on classical music, and gives no "
    "table; the bigram model is ours."
)
MODEL = dict(tones=16, width=96, pretraining=600, freezing=0)
BATCH, EPOCHS, REPEAT, N = 64, 70, 8, 200
RATES = {"discriminator": 2e-4, "generator": 2e-4, "next": 2e-3}
WAYS = {
    "adversarial": {},
    "feature matching": dict(feature_matching=True),
    "next tone alone": dict(pretraining=10**6),
}

PROTOCOL = """407 movements of Bach, nearly all chorales, of which 366 are learnt and 41 are the data's
own row; windows of {tones} tones at random places. {MODEL}, {epochs} epochs of {REPEAT} windows a
piece in batches of {BATCH}, Adam of rates {RATES} (the paper has SGD of rate 0.1), of which the
first 600 steps are the pre-training; equal steps for all. Windows are short, and both players learn in each
step: with 64 tones, or when the one that is ahead rests, as in the paper, so few steps made tunes that are
less like chorales than noise. {N} samples, as many windows of the held-out pieces.
Scale consistency: share of tones in the best major or minor scale;
repetitions: share of three tones in a row that were there before; polyphony: share of beginnings
with two tones or more; tone span in half tones; bigram ratio: log p(sample) - log p(held-out
windows) in nats a tone, p counted in the other half of the held-out windows; between tunes: the deviation
of a place's pitch from tune to tune, in half tones, which is 0 where all tunes are one. Noise: tones drawn
from the learnt pieces one by one. PNG files: piano rolls, 8 columns a quarter note, the louder the
brighter; MID files: the first four samples."""


def measured(what, tunes, real, **more):
    found = scores.scores(tunes, real)
    means = {name.replace("_", " "): round(float(ours.mean()), 3) for name, (ours, _) in found.items()}
    between = round(float(tunes[..., 1].std(axis=0).mean()), 2)
    row = {"tunes": what, **means, "between tunes": between, **more}
    print(row, flush=True)
    return row


def adam():
    return {name: keras.optimizers.Adam(rate, 0.5, global_clipnorm=5.0) for name, rate in RATES.items()}


def run(folder, data_dir, seed, epochs=EPOCHS):
    path = str(Path(data_dir or ".").parent / "npz" / "chorales.npz")
    tones, rng = MODEL["tones"], np.random.default_rng(seed)
    how = dict(crop="random", seed=seed)
    held = data.load(path, "train[90%:]", batch_size=N // 5, image_shape=(tones, 4), repeat=5, **how)
    real = np.concatenate(list(held.take(5).as_numpy_iterator()))
    learnt = data.load(path, "train[:90%]", batch_size=366, image_shape=(tones, 4), **how)
    pool = next(learnt.as_numpy_iterator()).reshape(-1, 4)
    noise = pool[rng.integers(0, len(pool), (N, tones))]
    own = scores.scores(real, real)
    rows = [{"tunes": "held-out chorales"}, measured("noise", noise, real)]
    rows[0] |= {name.replace("_", " "): round(float(theirs.mean()), 3) for name, (_, theirs) in own.items()}
    rows[0]["between tunes"] = round(float(real[..., 1].std(axis=0).mean()), 2)
    pictures = {"chorales": real[:12], "noise": noise[:12]}
    for what, given in WAYS.items():
        model = CRNNGAN(**{**MODEL, **given}, seed=seed)
        start = core_seconds()
        options = dict(how={"optimizer": adam()}, crop="random", repeat=REPEAT)
        _, history = trained(model, path, epochs, BATCH, data_dir, seed, "train[:90%]", **options)
        cost = round(core_seconds() - start)
        print(
            {name: [round(value, 3) for value in values[-3:]] for name, values in history.items()}, flush=True
        )
        samples, name = model.sample(N, seed=seed).numpy(), what.replace(" ", "_").replace(",", "")
        updates = {key: int(one.iterations.numpy()) for key, one in model.optimizers.items()}
        counts = {"updates of D": updates["discriminator"], "of G": updates["generator"] + updates["next"]}
        rows.append(measured(what, samples, real, **counts, **{"core-seconds": cost}))
        pictures[name] = samples[:12]
        music.write_midi(samples[:4], folder / f"{name}.mid")
        forget()
    for name, tunes in pictures.items():
        rolls = music.piano_rolls(tunes)
        grid(rolls, columns=2 if rolls.shape[2] > 256 else 3).save(folder / f"{name}.png")
    return {"protocol": PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()}), "rows": rows}
