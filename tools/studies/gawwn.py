"""Does GAWWN draw the digit that is asked for, in the box that is asked for?"""

import numpy as np
from sklearn.neural_network import MLPClassifier

from tfgen import data
from tfgen.data.placed import WORDS, box_of
from tfgen.models import GAWWN
from tfgen.pictures import grid
from tools.studies._training import Budget, trained

published = "Reed et al. (2016) show pictures of birds and people; no figure is of placed digits."
SECONDS, BATCH, N = 420, 32, 500
MODEL = {**GAWWN.recipe.model, "ema_decay": 0.99}
SIDE, INK = 32, 0.0  # ink is what is brighter than grey
CROPPED = 16  # pixels, high and wide, of a digit that is cut out


def asked(split, data_dir, n=None):
    """(images, captions, boxes, classes) of placed_digits."""
    model = GAWWN(**{**MODEL, "width": 4, "seed": 0})
    batches = data.load(
        "placed_digits", split, model, 500, shuffle=False, drop_remainder=False,
        data_dir=data_dir, download=data_dir is None,
    )  # fmt: skip
    parts = zip(*(batch.values() for batch in batches.as_numpy_iterator()))
    images, captions, boxes = (np.concatenate(part)[:n] for part in parts)
    texts = [model.fields["captions"].text(row) for row in captions]
    return images, texts, boxes, np.array([WORDS.index(text) for text in texts])


def found_box(image):
    """The box of the ink, in shares, or None where there is none."""
    ink = image[..., 0] > INK
    return np.float32(box_of(255 * ink)) / SIDE if ink.any() else None


def overlap(a, b):
    """Intersection over union of two boxes; 0 where there is none."""
    if b is None:
        return 0.0
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    both = np.prod(np.maximum(high - low, 0))
    return float(both / (np.prod(a[2:]) + np.prod(b[2:]) - both))


def cropped(images, boxes):
    """What is in the boxes, enlarged: (n, CROPPED^2)."""
    from tfgen.layers import CropBoxes

    layer = CropBoxes((CROPPED, CROPPED))
    parts = [np.asarray(layer(images[i : i + 500], boxes[i : i + 500])) for i in range(0, len(images), 500)]
    return np.concatenate(parts).reshape(len(images), -1)


def run(folder, data_dir, seed, seconds=SECONDS):
    seen, _, where, known = asked("train[:6000]", data_dir)
    images, texts, boxes, classes = asked("test", data_dir, N)
    judge = MLPClassifier((128,), max_iter=30, random_state=seed).fit(cropped(seen, where), known)
    model = GAWWN(**MODEL, seed=seed)
    cost, history = trained(
        model, "placed_digits", 10_000, BATCH, data_dir, seed, callbacks=[Budget(seconds)]
    )
    steps = int(model.step.numpy())
    print(steps, {name: round(values[-1], 3) for name, values in history.items()}, flush=True)

    def drawn(captions, places):
        parts = [
            np.asarray(model.sample(100, seed=seed, first_row=i, captions=captions[i : i + 100],
                                    places=places[i : i + 100]))
            for i in range(0, N, 100)
        ]  # fmt: skip
        return np.concatenate(parts)

    moved = np.roll(boxes, 1, axis=0)
    other = [WORDS[(k + 1) % 10] for k in classes]
    cases = {  # images, the boxes and the classes that were asked for
        "GAWWN": (drawn(texts, boxes), boxes, classes),
        "GAWWN, boxes of other digits": (drawn(texts, moved), moved, classes),
        "GAWWN, other words": (drawn(other, boxes), boxes, (classes + 1) % 10),
        "true images": (images, boxes, classes),
        "true images of other boxes": (images, moved, classes),
    }
    rows = []
    for name, (made, asked_boxes, asked_classes) in cases.items():
        overlaps = [overlap(box[0], found_box(image)) for image, box in zip(made, asked_boxes)]
        right = judge.predict(cropped(made, asked_boxes)) == asked_classes
        rows.append(
            {
                "images": name,
                "IoU": round(float(np.mean(overlaps)), 3),
                "IoU above 0.5": round(float(np.mean(np.array(overlaps) > 0.5)), 3),
                "class agreement": round(float(right.mean()), 3),
            }
        )
    words = [word for word in WORDS for _ in range(2)]
    places = np.float32([[[0.1, 0.1, 0.4, 0.3]], [[0.3, 0.5, 0.6, 0.45]]] * 10)
    table = np.concatenate(
        [np.asarray(model.sample(20, seed=s, captions=words, places=places)) for s in range(3)]
    )
    framed(table, np.tile(places, (3, 1, 1)), columns=10).save(folder / "asked.png")
    framed(cases["GAWWN"][0][:40], boxes[:40], columns=10).save(folder / "test.png")
    return {
        "protocol": (
            "placed_digits, 32x32: 20,000 images of one MNIST digit in a box, captions zero to nine. "
            f"GAWWN of width {MODEL['width']}, {MODEL['text_steps']} steps of the text encoder, batches of "
            f"{BATCH}, the paper's losses and rates, average of weights 0.99, {cost:.0f} core-seconds, "
            f"{steps} steps. Of {N} captions and boxes of the split test: intersection over union of the box "
            "that was asked for and that of the ink (above grey); whether a classifier (one hidden layer of "
            "128 units, which learnt the boxes' content of 6,000 training images) reads the word in the box. "
            "asked.png: by columns in pairs, zero to nine in a small box and in a large one, three seeds; "
            "test.png: test captions and boxes. Frames are the boxes."
        ),
        "rows": rows,
    }


def framed(images, boxes, columns):
    """A grid of images, each with its box in grey."""
    shown = images.copy()
    for image, ((top, left, height, width),) in zip(shown, np.rint(boxes * SIDE).astype(int)):
        bottom, right = min(top + height, SIDE) - 1, min(left + width, SIDE) - 1
        for rows, lines in (([top, bottom], slice(left, right + 1)), (slice(top, bottom + 1), [left, right])):
            image[rows, lines] = np.maximum(image[rows, lines], -0.4)
    return grid(shown, (-1, 1), columns=columns)
