"""Translations of any size, whole and in tiles, of models with strides and with a rim of their own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfgen.errors import InputError
from tfgen.models.translating import reflected, spans
from tfgen.models.translation.base import TranslationModel

RNG = np.random.default_rng(0)


class Strided(TranslationModel):
    """Down by 2 and up by 4, with kernels that look beyond: sizes are even, and doubled."""

    multiple, scale, reach, input_channels, image_shape = 2, 2, 6, 1, (8, 8, 1)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            images = keras.Input((None, None, 1))
            x = layers.Conv2D(4, 5, 2, padding="same", activation="tanh")(images)
            x = layers.Conv2DTranspose(4, 4, 2, padding="same", activation="tanh")(x)
            self.net = keras.Model(images, layers.Conv2DTranspose(1, 4, 2, padding="same")(x))

    def translated(self, inputs, key, first_row=0, training=False):
        return self.net(inputs)


@pytest.fixture(scope="module")
def model():
    return Strided(seed=0)


@pytest.mark.parametrize("size", [(16, 16), (13, 31), (40, 5), (1, 2)])
@pytest.mark.parametrize("tile", [1, 4, 7, 100])
def test_tiles_are_the_whole(model, size, tile):
    images = RNG.uniform(-1, 1, (2, *size, 1)).astype("float32")
    whole = model.translate(images)
    assert whole.shape == (2, 2 * size[0], 2 * size[1], 1)
    np.testing.assert_allclose(model.translate(images, tile=tile), whole, atol=1e-6)


def test_a_smaller_reach_would_show(model, monkeypatch):
    images = RNG.uniform(-1, 1, (1, 24, 24, 1)).astype("float32")
    whole = model.translate(images)
    monkeypatch.setattr(Strided, "reach", 2)
    assert np.abs(model.translate(images, tile=8) - whole).max() > 1e-3


def test_parts_cover_the_translation_once(model):
    images = RNG.integers(0, 256, (1, 21, 10, 1), np.uint8)
    seen = np.zeros((42, 20), int)
    for top, left, part in model.translate_tiles(images, 6):
        seen[top : top + part.shape[1], left : left + part.shape[2]] += 1
        np.testing.assert_allclose(
            part,
            model.translate(images)[:, top : top + part.shape[1], left : left + part.shape[2]],
            atol=1e-6,
        )
    assert (seen == 1).all()


def test_parts_that_are_reflection_alone_are_left_out(model, monkeypatch):
    monkeypatch.setattr(Strided, "smallest", 12)
    images = RNG.uniform(-1, 1, (1, 3, 20, 1)).astype("float32")
    np.testing.assert_allclose(model.translate(images, tile=4), model.translate(images), atol=1e-6)


def test_spans_begin_at_multiples_and_see_the_reach():
    assert spans(20, 9, 3, multiple=4) == [
        (0, 8, slice(0, 12)),
        (8, 16, slice(4, 20)),
        (16, 20, slice(12, 20)),
    ]


@pytest.mark.parametrize("size, multiple", [(1, 4), (2, 8), (3, 16), (5, 4), (8, 4)])
def test_reflection_goes_on_as_often_as_it_must(size, multiple):
    index = reflected(size, multiple)
    assert len(index) % multiple == 0 and len(index) - size < multiple
    np.testing.assert_array_equal(np.pad(np.arange(size), (0, len(index) - size), "reflect"), index)


@pytest.mark.parametrize("tile", [0, -4, 2.5, True, "big"])
def test_a_bad_tile_is_named(model, tile):
    with pytest.raises(InputError, match="a whole number of at least 1, as 256; received"):
        model.translate(np.zeros((1, 8, 8, 1), "float32"), tile=tile)


def test_tiles_of_a_model_that_sees_all_are_refused(model, monkeypatch):
    monkeypatch.setattr(Strided, "reach", None)
    images = np.zeros((1, 8, 8, 1), "float32")
    for call in (lambda: model.translate(images, tile=4), lambda: model.translate_tiles(images, 4)):
        with pytest.raises(InputError, match="does not translate in tiles: each of its pixels depends on"):
            call()


def test_a_translation_in_tiles_is_a_tensor(model):
    made = model.translate(np.zeros((1, 8, 8, 1), np.uint8), tile=4)
    assert tf.is_tensor(made) and made.dtype == tf.float32
