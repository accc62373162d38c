"""Runs of labelled data: classes and attributes taken from it, a column of the picture for each class."""

import numpy as np
import pytest
import tensorflow as tf
from data_cases import binary
from PIL import Image

from tfgen import pictures, runs
from tfgen.errors import InputError
from tfgen.runs.callbacks import SampleGrid


class Levels:
    """A model of three classes whose images are constant, and their label."""

    value_range, classes, label_spec = (0.0, 2.0), 3, tf.TensorSpec((None,), tf.int32, "labels")
    picture = staticmethod(lambda images: images)

    def sample(self, n, seed, labels):
        assert labels.shape == (n,)
        return np.broadcast_to(labels.reshape(n, 1, 1, 1), (n, 32, 32, 1))


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_sample_grid_has_a_column_for_each_class(tmp_path):
    for n, rows in ((8, 2), (6, 2), (2, 1)):
        grids = SampleGrid(tmp_path, n=n)
        grids.set_model(Levels())
        grids.on_epoch_end(0)
        pixels = pixels_of(tmp_path / "epoch-0001.png")
        assert pixels.shape == (pictures.TITLE + 66 * rows - 2, 66 * 3 - 2)
        for image in range(3 * rows):
            y, x = pictures.TITLE + 66 * (image // 3), 66 * (image % 3)
            assert (pixels[y : y + 64, x : x + 64] == (0, 128, 255)[image % 3]).all()
        assert (pixels[: pictures.TITLE, :64] < 128).any()  # the class's number


def test_a_sample_grid_of_a_classifier_that_is_not_conditional_has_no_columns(tmp_path):
    class Classifier(Levels):
        label_spec = None

        def sample(self, n, seed):
            return np.zeros((n, 32, 32, 1))

    grids = SampleGrid(tmp_path, n=4)
    grids.set_model(Classifier())
    grids.on_epoch_end(0)
    assert pixels_of(tmp_path / "epoch-0001.png").shape == (130, 130)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """16 images with four classes, with three attributes, and without labels."""
    root = tmp_path_factory.mktemp("labelled")
    images = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 1), np.uint8)
    np.savez(root / "classes.npz", images=images, labels=np.arange(16) % 4)
    np.savez(root / "attributes.npz", images=images, attributes=binary(16))
    np.savez(root / "none.npz", images=images)
    return root


@pytest.fixture
def begun(labelled, tmp_path, monkeypatch):
    """Begins a run, up to its training, and returns its configuration."""
    monkeypatch.setattr("tfgen.runs.training._fit", lambda *run: run[2])

    def begin(model, source, run="run", arguments=None, **options):
        arguments = {"width": 8, "latent_dim": 4, **(arguments or {})}
        source = labelled / f"{source}.npz"
        how = dict(arguments=arguments, options=options, batch_size=8)
        return runs.train(model, tmp_path / run, source, **how).get_config()

    return begin


def test_classes_are_those_of_the_data(begun, tmp_path):
    assert begun("cvae", "classes", "a")["classes"] == 4
    assert begun("cvae", "classes", "b", {"classes": 5})["classes"] == 5
    assert begun("cvae", "attributes", "c", labels="attribute_1")["classes"] == 2
    assert "classes" not in begun("vae", "classes", "d")
    with pytest.raises(InputError, match=r"CVAE has 3 classes, .* are 4 classes; build"):
        begun("cvae", "classes", "e", {"classes": 3})
    with pytest.raises(InputError, match=r"npz has none"):
        begun("cvae", "none", "f")
    with pytest.raises(InputError, match="CVAE trains on labels; omit labels=False"):
        begun("cvae", "classes", "h", labels=False)
    assert not (tmp_path / "h").exists()
    with pytest.raises(InputError, match="name one, as labels='attribute_0'"):
        begun("cvae", "attributes", "g")


def test_attributes_are_those_of_the_data(begun, tmp_path):
    small = {"background_dim": 2, "image_shape": (8, 8, 1)}
    assert begun("attribute2image", "attributes", "a", small)["attributes"] == 3
    names = ("attribute_2", "attribute_0")
    assert begun("attribute2image", "attributes", "b", small, labels=names)["attributes"] == 2
    runs.resume(tmp_path / "b", options={"labels": names})  # is no change
    with pytest.raises(InputError, match=r"data\.options\.labels is \['attribute_2', 'attribute_0'\]"):
        runs.resume(tmp_path / "b", options={"labels": names[::-1]})


def test_images_of_two_channels_are_shown_channel_by_channel():
    images = np.stack([np.zeros((1, 64, 80)), np.ones((1, 64, 80))], axis=-1)
    pixels = np.asarray(pictures.grid(images))
    assert pixels.shape == (64, 160) and (pixels[:, :80] == 0).all() and (pixels[:, 80:] == 255).all()
    assert pictures.to_picture(np.zeros((8, 8, 5), np.uint8)).size == (40, 8)
