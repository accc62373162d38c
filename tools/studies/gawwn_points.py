"""Does GAWWN draw a face where the points say, and points of its own where they say nothing?"""

import importlib.util
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import data
from tfgen.models import GAWWN
from tfgen.pictures import grid
from tools.studies._arrays import arrays, in_parts
from tools.studies._training import Budget, trained

published = "Reed et al. (2016) show pictures of birds and of people; no figure is of faces."
SECONDS, BATCH, N, SIDE = 280, 32, 500, 32
MODEL = dict(
    image_shape=(SIDE, SIDE, 3), points=5, length=32, text_dim=32, text_width=32, text_steps=600, width=16,
    latent_dim=32, ema_decay=0.99,
)  # fmt: skip
POINTS = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))  # of the 68
WIDE = 56  # pixels of the square about an aligned face that the landmark network wants, of 109 x 89
CUT = (62, 86)  # pixels of the squares that are learnt, at random places around that one
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")


def landmarks(data_dir):
    """face-api's network of 68 points, from beside the folder of TensorFlow Datasets."""
    folder = Path(data_dir or "data").resolve().parent / "weights"
    if not (folder / "face_api.npz").is_file():
        sys.exit(f"there is no {folder}/face_api.npz, and so nothing finds points in a face")
    spec = importlib.util.spec_from_file_location("face_api", folder / "face_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build(folder / "face_api.npz", "landmarks")


def cut(images, boxes, size):
    """What is in the boxes (n, 4), top, left, bottom, right in shares, of images: (n, size, size, c)."""
    return tf.image.crop_and_resize(images, boxes, tf.range(len(boxes)), (size, size)).numpy()


def softened(images):
    """Images by 1, 2, 1 of each pixel and its neighbours, down and across: it takes away what changes from
    pixel to pixel, as the checkerboard of transposed convolutions does."""
    padded = np.pad(np.float32(images), ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    for _ in range(2):
        padded = tf.nn.avg_pool2d(padded, 2, 1, "VALID")
    return padded.numpy()


def points_of(network, images, boxes):
    """Points (n, 5, 2), y and x in shares of images (bytes), that face-api's network finds in boxes."""

    def found(images, boxes):
        all_68 = np.asarray(network(cut(np.float32(images), boxes, 112)))
        five = np.stack([all_68[:, part].mean(1) for part in POINTS], 1)[..., ::-1]
        return boxes[:, None, :2] + five * (boxes[:, 2:] - boxes[:, :2])[:, None]

    return in_parts(found, images, np.float32(boxes))


class Reader:
    """A network that learns of true squares where the points are, and whether it is a man, and smiles.

    It sees softened and noisy images: face-api's networks take a blurred face for none.
    """

    def __init__(self, seed):
        keras.utils.set_random_seed(seed)
        x = images = keras.Input((SIDE, SIDE, 3))
        x = layers.GaussianNoise(0.1)(layers.Rescaling(1 / 127.5, -1)(x))
        for width in (32, 64, 128):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
        x = layers.Dense(128, activation="relu")(layers.Dropout(0.2)(layers.Flatten()(x)))
        points, signs = layers.Dense(10, name="points")(x), layers.Dense(2, name="signs")(x)
        self.network = keras.Model(images, {"points": points, "signs": signs})

    def learn(self, images, points, signs):
        losses = {"points": "mse", "signs": keras.losses.BinaryCrossentropy(from_logits=True)}
        self.network.compile(keras.optimizers.Adam(1e-3), losses)
        points = points.reshape(-1, 10)
        self.mean, self.deviation = points.mean(0), points.std(0)
        wanted = {"points": (points - self.mean) / self.deviation, "signs": np.float32(signs)}
        self.network.fit(softened(images), wanted, batch_size=128, epochs=12, verbose=2)

    def __call__(self, images):
        """(points (n, 5, 2), whether a man and whether smiling (n, 2)) of bytes (n, SIDE, SIDE, 3)."""
        found = self.network.predict(softened(images), batch_size=250, verbose=0)
        points = self.mean + self.deviation * found["points"]
        return points.reshape(-1, 5, 2), found["signs"] > 0


def caption_of(row, names):
    has = dict(zip(names, row))
    hair = next((name.split("_")[0].lower() + " hair" for name in HAIR if has[name]), "")
    parts = ["man" if has["Male"] else "woman", "smiling" if has["Smiling"] else "", hair]
    return " ".join(part for part in parts if part)


def prepared(split, data_dir, network, seed):
    """({images, captions, places} of squares at random places about the faces, whether each is of a
    man and smiles (n, 2))."""
    images, attributes = arrays("celeba_small", split, data_dir)
    names = data.attributes("celeba_small", data_dir=data_dir, download=data_dir is None)
    high, wide = images.shape[1:3]
    face = np.float32([0.310 * high, 0.190 * wide])  # of aligned pictures, as face_api.BOX
    rng = np.random.default_rng(seed)
    side = rng.uniform(*CUT, len(images))
    corner = face - rng.uniform(size=(len(images), 2)) * (side - WIDE)[:, None]
    corner = np.clip(corner, 0, np.float32([high, wide]) - side[:, None])
    size = np.float32([high - 1, wide - 1])  # crop_and_resize counts from centre to centre
    boxes = np.concatenate([corner / size, (corner + side[:, None] - 1) / size], 1)
    faces = np.tile(np.float32([*face, *(face + WIDE)]), (len(images), 1)) / [high, wide, high, wide]
    points = points_of(network, images, faces)
    points = (points * [high, wide] - corner[:, None]) / side[:, None, None]
    seen = ((points >= 0) & (points <= 1)).all(-1, keepdims=True)
    places = np.concatenate([np.clip(points, 0, 1) * seen, seen], -1)
    squares = in_parts(lambda x, b: cut(np.float32(x), b, 2 * SIDE), images, np.float32(boxes))
    squares = tf.image.resize(squares, (SIDE, SIDE), "area").numpy()
    captions = [caption_of(row, names) for row in attributes]
    told = {"images": np.uint8(np.rint(squares)), "captions": captions, "places": np.float32(places)}
    return told, np.asarray(attributes)[:, [names.index(name) for name in ("Male", "Smiling")]] > 0.5


def errors(found, asked):
    """Mean distances of points (n, 5, 2) in shares of the distance between the eyes."""
    eyes = np.linalg.norm(asked[:, 0] - asked[:, 1], axis=-1)
    return np.linalg.norm(found - asked, axis=-1).mean(1) / eyes


def bytes_of(images):
    return np.uint8(np.rint(np.clip(np.asarray(images) + 1, 0, 2) * 127.5))


def drawn(model, captions, places, seed):
    """Bytes of samples of captions and places."""
    parts = [
        model.sample(50, seed=seed, first_row=i, captions=captions[i : i + 50], places=places[i : i + 50])
        for i in range(0, len(captions), 50)
    ]
    return bytes_of(np.concatenate(parts))


def run(folder, data_dir, seed, seconds=SECONDS):
    network = landmarks(data_dir)
    learnt, signs = prepared("train", data_dir, network, seed)
    held, wanted_signs = prepared("test", data_dir, network, seed + 1)
    images, captions, places = (held[name][:N] for name in ("images", "captions", "places"))
    asked = places[..., :2]
    reader = Reader(seed + 1)
    reader.learn(learnt["images"], learnt["places"][..., :2], signs)

    def row(name, images, wanted):
        points, said = reader(images)
        distance, right = errors(points, wanted), (said == wanted_signs[:N]).mean(0)
        rows.append(
            {
                "images": name,
                "error of points": round(float(np.median(distance)), 3),
                "below 0.2": round(float(np.mean(distance < 0.2)), 3),
                "sex as the caption": round(float(right[0]), 3),
                "smile as the caption": round(float(right[1]), 3),
            }
        )
        print(rows[-1], flush=True)

    rows, moved = [], np.roll(places, 1, axis=0)
    nothing, eyes = np.zeros_like(places), places * np.float32([1, 1, 0, 0, 0])[:, None]
    row("true images", images, asked)
    row("true images, points of others", images, moved[..., :2])
    model = GAWWN(**MODEL, seed=seed)
    cost, history = trained(model, learnt, 10_000, BATCH, None, seed, callbacks=[Budget(seconds)])
    steps = int(model.step.numpy())
    print(steps, {name: round(values[-1], 3) for name, values in history.items()}, flush=True)
    own = drawn(model, captions, places, seed)
    row("GAWWN", own, asked)
    row("GAWWN, points of others", drawn(model, captions, moved, seed), moved[..., :2])
    for name, given in {"the eyes alone": eyes, "nothing": nothing}.items():
        made = drawn(model, captions, given, seed)
        row(f"GAWWN, told {name}, from the true points", made, asked)
    mean = learnt["places"][..., :2].mean(0)
    of_mean = float(np.median(errors(mean, asked)))
    rows.append({"images": "none: the mean points", "error of points": round(of_mean, 3)})
    dotted(np.concatenate([images[:20], own[:20]]), np.tile(places[:20], (2, 1, 1)), 20).save(
        folder / "test.png"
    )
    words = ["woman smiling blond hair", "woman smiling", "woman black hair", "man smiling brown hair", "man"]
    where = np.repeat(places[:10], len(words), axis=0)
    table = drawn(model, words * 10, where, seed)
    dotted(table, where, len(words)).save(folder / "asked.png")
    return {
        "protocol": (
            f"celeba_small: squares of {CUT[0]} to {CUT[1]} of the 89 pixels' width at random places about "
            f"each of 9000 faces, {SIDE}x{SIDE}; captions of sex, smile and colour of hair; points are both "
            "eyes, the nose's tip and the mouth's corners, by face-api's landmark network in the aligned "
            f"pictures. GAWWN({', '.join(f'{k}={v}' for k, v in MODEL.items())}), batches of {BATCH}, the "
            f"paper's losses and rates, {cost:.0f} core-seconds, {steps} steps. Of {N} test captions and "
            "points: a convolutional network that learnt the true squares, softened and with noise, says "
            "where the points are, and sex and smile; error of points is the median over images of "
            "their mean distance from those asked for, in shares of the distance between the eyes. test.png: "
            "true images, and below them samples of their captions and points; asked.png: by columns "
            f"{', '.join(words)}, by rows the points of ten test faces. Dots are the points asked for."
        ),
        "rows": rows,
    }


def dotted(images, places, columns):
    """A grid of images four times as large, with the points in green."""
    shown = images.repeat(4, 1).repeat(4, 2)
    for image, points in zip(shown, np.rint(places[..., :2] * 4 * SIDE).astype(int)):
        for y, x in np.clip(points, 1, 4 * SIDE - 2):
            image[y - 1 : y + 2, x - 1 : x + 2] = (0, 255, 0)
    return grid(shown, (0, 255), columns=columns)
