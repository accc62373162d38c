"""What the tests of the data share."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Picture

from tfgen.data import load
from tfgen.errors import InputError
from tfgen.fields import Attributes, Classes, Image


def model(shape=(8, 8, 1), labels=False, attributes=0, classes=1000, value_range=(-1.0, 1.0)):
    """What `load` looks at in a model: one of classes if `labels`, or of so many attributes."""
    fields = {"images": Image(shape, *value_range)}
    if labels:
        fields["labels"] = Classes(classes)
    if attributes:
        fields["labels"] = Attributes(attributes)
    specs = tuple(field.spec(name) for name, field in fields.items())
    spec = specs if len(specs) > 1 else specs[0]
    classes = classes if labels else 0
    return SimpleNamespace(fields=fields, data_spec=spec, value_range=value_range, classes=classes)


def numbered(count, side=8):
    """Images that are constant and hold their own number, and labels that are ten times that."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, side, side, 1), np.uint8)
    return images, 10 * np.arange(count)


def binary(count, attributes=3):
    """The attributes of `numbered` images: the binary digits of their number, lowest first."""
    return np.arange(count)[:, None] >> np.arange(attributes) & 1


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def smooth(height, width, channels=3):
    small = Picture.fromarray(noise(5, 5, 3)).resize((width, height), Picture.BICUBIC)
    return np.asarray(small if channels == 3 else small.convert("L"))


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(array).save(path, **options)


def everything(dataset):
    """All batches as one, by parts."""
    batches = [batch if isinstance(batch, tuple) else (batch,) for batch in dataset.as_numpy_iterator()]
    parts = [np.concatenate(part) for part in zip(*batches)]
    return parts[0] if len(parts) == 1 else tuple(parts)


def numbers(dataset):
    """The numbers of `numbered` images, by batch."""
    return [(batch[0] if isinstance(batch, tuple) else batch)[:, 0, 0, 0].tolist()
            for batch in dataset.as_numpy_iterator()]  # fmt: skip


def complaint(*arguments, **options):
    """The one line with which `load` refuses."""
    with pytest.raises(InputError) as caught:
        load(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def joined(lists):
    return [item for each in lists for item in each]


def write_tfds(root, name, features, splits, **more):
    """A prepared set of TFDS; `splits` is {name: [example]}, `more` for its DatasetInfo."""
    import tensorflow_datasets as tfds

    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    identity = tfds.core.DatasetIdentity(
        name=name, version=tfds.core.Version("1.0.0"), data_dir=str(folder), module_name=""
    )
    info = tfds.core.DatasetInfo(builder=identity, features=tfds.features.FeaturesDict(features), **more)
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=7)
    writer.initialize_splits(list(splits))
    writer.add_examples(splits)
    writer.close_all()


def fields(**given):
    """A model of these fields."""
    return SimpleNamespace(fields=given)


def paired(shape=(8, 8, 1), channels=1):
    return fields(inputs=Image((*shape[:2], channels), 0.0, 1.0), images=Image(shape))


def unpaired(shape=(8, 8, 1), other=(8, 8, 1)):
    return fields(images_a=Image(shape), images_b=Image(other, 0.0, 1.0))


def together(dataset):
    """The batches of a dataset of dicts as one."""
    batches = list(dataset.as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def two(count=12):
    """Pairs, of which the image is 100 more than the input."""
    images, _ = numbered(count)
    return {"inputs": images, "images": images + 100}


def folders(root, count=12, height=8, width=8, splits=("",)):
    """`two` as folders A and B, in which the endings differ."""
    for split in splits:
        for number in range(count):
            save(root / split / "A" / f"{number:02}.png", np.full((height, width), number, np.uint8))
            save(root / split / "B" / f"{number:02}.webp", np.full((height, width), number + 100, np.uint8),
                 lossless=True)  # fmt: skip
    return root


READ = pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated:DeprecationWarning")
