"""Do LAGAN's jets have the masses, momenta and substructure of real ones, and do they teach a classifier?"""

import keras
import numpy as np
from PIL import Image, ImageDraw
from scipy.stats import wasserstein_distance
from sklearn.metrics import roc_auc_score

from tfgen.models import LAGAN
from tfgen.pictures import grid
from tools.studies._jets import jets, mass_and_pt, tau21
from tools.studies._training import trained

published = (
    "de Oliveira et al. (2017) show histograms of mass, pT and tau21 of real and drawn jets, and curves of "
    "classifiers trained on one kind and tested on the other; no number is compared: their jets are of "
    "another simulation, 90,000 of them for 50 epochs."
)
MODEL = dict(width=32)
BATCH, EPOCHS, TRAIN, RATE = 50, 11, 16000, 5e-4
DRAWN, MEASURED = 8000, 1500  # jets of each kind that teach the classifier, and whose tau21 is computed
CLASSES = ("QCD", "W")
PROTOCOL = """{TRAIN} jets of Pythia events (jets25; settings in the file: no multiple interactions), QCD and
W in equal parts, the other {tests} for tests. LAGAN {MODEL}, {epochs} epochs of batches of
{BATCH}, Adam of rates {RATE} (the paper's, 2e-4, is for 20 times as many steps); {cost:.0f}
core-seconds. Mass and pT: of the pixels as massless particles; tau21: exclusive kt axes
(winner takes all) on the pixels, of {MEASURED} jets a class. On real jets these are beside the
file's own, of the towers before the rotation onto pixels: rank correlation by class.
Distances: scipy's Wasserstein distance of drawn and test jets; "two halves of real jets": of
test and train jets. Classifier: a small convolutional net of log(1 + GeV), 6 epochs, area
under the curve on real test jets. histograms.png: real filled, drawn as a line; jets.png:
drawn above, real below, QCD left and W right, over four decades; means.png: mean images, real
QCD, drawn QCD, real W, drawn W."""


def measured(images):
    """{observable: (n,)} of images."""
    mass, pt = mass_and_pt(images)
    return {"mass": mass, "pT": pt, "tau21": tau21(images[:MEASURED])}


def classifier(images, labels, seed):
    keras.utils.set_random_seed(seed)
    net = keras.Sequential(
        [
            keras.Input((25, 25, 1)),
            *(
                part
                for filters in (16, 32)
                for part in (keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D())
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(1),
        ]
    )
    net.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    net.fit(np.log1p(images), labels.astype("float32"), batch_size=128, epochs=6, verbose=0)
    return lambda x: net.predict(np.log1p(x), batch_size=500, verbose=0)[:, 0]


RANGES = {"mass": (40, 120), "pT": (200, 350), "tau21": (0, 1)}


def histograms(real, drawn, width=300, height=160):
    """A picture: a row for each class, a column for each observable; real filled, drawn as a line."""
    picture = Image.new("RGB", (len(RANGES) * width, len(CLASSES) * height), "white")
    draw = ImageDraw.Draw(picture)
    for row, kind in enumerate(CLASSES):
        for column, (name, (low, high)) in enumerate(RANGES.items()):
            x, y = column * width + 10, row * height
            counts = [
                np.histogram(np.clip(each[kind][name], low, high), 40, (low, high), density=True)[0]
                for each in (real, drawn)
            ]
            top = max(map(np.max, counts))
            step = (width - 20) / 40
            tops = [[y + height - 20 - (height - 45) * value / top for value in each] for each in counts]
            for k, (bar, line) in enumerate(zip(*tops)):
                box = [x + k * step, bar, x + (k + 1) * step, y + height - 20]
                draw.rectangle(box, fill=(170, 190, 220))
                before = tops[1][k - 1] if k else y + height - 20
                draw.line([x + k * step, before, x + k * step, line, x + (k + 1) * step, line], "black", 2)
            unit = "" if name == "tau21" else " GeV"
            draw.text((x, y + 4), f"{kind}: {name}", "black")
            draw.text((x, y + height - 16), f"{low}{unit}", "black")
            draw.text((x + width - 70, y + height - 16), f"{high}{unit}", "black")
    return picture


def run(folder, data_dir, seed, epochs=EPOCHS, train=TRAIN, drawn_each=DRAWN):
    images, labels, told = jets(data_dir)
    tests = len(images) - train
    model = LAGAN(**MODEL, seed=seed)
    data = {"images": images[:train], "labels": labels[:train]}
    optimizers = {name: keras.optimizers.Adam(RATE, beta_1=0.5) for name in model.objectives()}
    how = {"optimizer": optimizers}
    cost, history = trained(model, data, epochs, BATCH, data_dir, seed, how=how)
    print({name: [round(v, 3) for v in values[:: max(1, epochs // 5)]] for name, values in history.items()})
    drawn = {
        kind: np.concatenate(
            [model.sample(500, seed=seed + k, labels=k, first_row=i) for i in range(0, drawn_each, 500)]
        )
        for k, kind in enumerate(CLASSES)
    }
    real, halves, rows = {}, {}, []
    for k, kind in enumerate(CLASSES):
        here = labels[train:] == k
        real[kind] = measured(images[train:][here])
        halves[kind] = measured(images[:train][labels[:train] == k])
    found = {kind: measured(drawn[kind]) for kind in CLASSES}
    for k, kind in enumerate(CLASSES):
        for name in RANGES:
            ours, theirs = real[kind][name], told["pt" if name == "pT" else name][train:][labels[train:] == k]
            drawn_ones = found[kind][name][np.isfinite(found[kind][name])]
            rows.append(
                {
                    "class": kind,
                    "of": name,
                    "real": f"{np.mean(ours):.3g} +- {np.std(ours):.3g}",
                    "drawn": f"{np.mean(drawn_ones):.3g} +- {np.std(drawn_ones):.3g}",
                    "Wasserstein distance": float(f"{wasserstein_distance(ours, drawn_ones):.3g}"),
                    "two halves of real jets": float(f"{wasserstein_distance(ours, halves[kind][name]):.3g}"),
                    "by the file": f"{np.mean(theirs):.3g} +- {np.std(theirs):.3g}",
                    "correlation with the file's": round(rank_correlation(ours, theirs[: len(ours)]), 3),
                }
            )
            print(rows[-1], flush=True)
        lit = [round(float((x > 0).mean()), 4) for x in (images[labels == k], drawn[kind])]
        rows.append({"class": kind, "of": "lit pixels", "real": lit[0], "drawn": lit[1]})
    taught = np.concatenate([drawn[kind] for kind in CLASSES])
    answers = np.repeat(np.arange(len(CLASSES)), drawn_each)
    for what, x, y in (("drawn jets", taught, answers), ("real jets", images[:train], labels[:train])):
        score = roc_auc_score(labels[train:], classifier(x, y, seed)(images[train:]))
        rows.append({"classifier taught on": what, "area under the curve on real jets": round(score, 4)})
        print(rows[-1], flush=True)
    histograms(real, found).save(folder / "histograms.png")
    some = [images[labels == k][:12] for k in (0, 1)]
    shown = [np.concatenate([each[0][i : i + 6], each[1][i : i + 6]])
             for each in ([drawn[kind] for kind in CLASSES], some) for i in (0, 6)]  # fmt: skip
    grid(model.picture(np.concatenate(shown)), model.value_range, columns=12).save(folder / "jets.png")
    pairs = [x.mean(0) for k, kind in enumerate(CLASSES) for x in (images[labels == k], drawn[kind])]
    grid(model.picture(np.stack(pairs)), model.value_range, columns=4).save(folder / "means.png")
    protocol = PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()})
    return {"protocol": protocol, "rows": rows}


def rank_correlation(a, b):
    a, b = (np.argsort(np.argsort(x)).astype(float) for x in (a, b[: len(a)]))
    return float(np.corrcoef(a, b)[0, 1])
