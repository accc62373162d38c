"""What a card shows: samples; for a translator a drawing and its translation; how a clip goes on."""

import numpy as np

from tfgen import pictures
from tfgen.fields import Boxes, Points, Vector

SHOWN = 8  # samples
TEXTS = ("a red bird", "two cats", "a house", "the sun")  # where no data say others


def given(model, n, captions=()):
    """{condition: values} of n images that show what a model knows; captions are texts of its data."""
    labels, told = example_labels(model, n), {}
    if labels is not None:
        told["labels"] = labels
    if "captions" in model.conditions:
        length = model.conditions["captions"].length
        texts = [text[:length] for text in captions or TEXTS]
        told["captions"] = [texts[k % len(texts)] for k in range(n)]
    places = model.conditions.get("places")
    if isinstance(places, Boxes):
        told["places"] = np.tile(np.float32([0.25, 0.25, 0.5, 0.5]), (n, places.count, 1))
    elif isinstance(places, Points):
        told["places"] = np.zeros((n, *places.shape), np.float32)  # the model makes them
    return told


def example_labels(model, n):
    """Labels of n images that show what a conditional model knows; None if it has none."""
    field = model.conditions.get("labels")
    if field is None:
        return None
    if model.classes:
        return np.arange(n, dtype="int32") % model.classes
    if isinstance(field, Vector):
        rows = np.linspace(field.low, field.high, n, dtype="float32")
        return np.broadcast_to(rows.reshape(-1, *[1] * len(field.shape)), (n, *field.shape))
    return np.float32(np.arange(n)[:, None] >> np.arange(field.count) & 1)  # every combination of the first


def drawing(height, width, channels, colours=None):
    """A house under the sun, for a translator to begin with: bytes (height, width, channels).

    Args:
        colours: of label maps, bytes (k, channels), which then take the place of its own.
    """
    y, x = np.mgrid[:height, :width] / np.reshape((height, width), (2, 1, 1))
    image = np.full((height, width, 3), (150, 190, 240))
    image[(x - 0.8) ** 2 + (y - 0.2) ** 2 < 0.01] = (250, 220, 60)
    image[y > 0.85] = (90, 150, 70)
    image[(abs(x - 0.4) < 0.5 * (y - 0.15)) & (y < 0.45)] = (170, 60, 50)
    image[(abs(x - 0.4) < 0.25) & (0.45 < y) & (y < 0.9)] = (220, 200, 170)
    image[(abs(abs(x - 0.4) - 0.12) < 0.06) & (abs(y - 0.62) < 0.07)] = (60, 80, 120)
    if colours is not None:
        _, which, counts = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
        often = np.argsort(np.argsort(-counts, kind="stable"))  # the commonest is the commonest
        return colours[often[which].reshape(height, width) % len(colours)]
    return np.uint8(image if channels == 3 else np.rint(image.mean(axis=-1, keepdims=True)))


def example(model, colours=None):
    """(a drawing, in `colours` where there are any; its translation of seed 0), as pictures."""
    inputs = drawing(*trained_size(model), model.conditions["inputs"].shape[-1], colours)
    labels = {"labels": example_labels(model, 2)[1:]} if "labels" in model.conditions else {}
    made = model.translate(inputs[None], seed=0, **labels)
    return pictures.to_picture(inputs), pictures.to_picture(pictures.to_uint8(made, model.value_range)[0])


def clip(model):
    """A clip for a model that continues clips: the drawing, moving to the right, bytes (given, h, w, c)."""
    count, *size, channels = model.conditions["frames"].shape
    step = max(size[1] // 16, 1)
    return np.stack([np.roll(drawing(*size, channels), k * step, axis=1) for k in range(count)])


def continued(model, frames):
    """The frames (t, h, w, c) of a clip and, behind a grey line, those that follow, side by side."""
    made = pictures.to_uint8(model.extend(frames[None], model.predicted), model.value_range)[0]
    line = np.full((frames.shape[1], 2, frames.shape[3]), 128, np.uint8)
    return pictures.to_picture(np.hstack([*frames, line, *made]))


def trained_size(model):
    """(height, width) of the inputs of a model that translates, in training."""
    return tuple(size // model.scale for size in model.image_shape[:2])


def strip(model, n, captions=()):
    """The first n images of seed 0 side by side, as a picture; captions as for `given`."""
    images = model.picture(model.sample(n, seed=0, **given(model, n, captions)))
    images = pictures.to_uint8(images, model.value_range)
    images = pictures.views(images) if images.ndim == 5 else images
    # Wide ones, as showers, stand one below the other.
    return pictures.to_picture((np.vstack if images.shape[2] > 2 * images.shape[1] else np.hstack)(images))
