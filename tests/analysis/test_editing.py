"""Edits: on a linear model whose best codes are known, and the parts of which they are made."""

import numpy as np
import pytest
import tensorflow as tf
from test_search import Linear

from tfgen import priors
from tfgen.analysis import editing
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Latents

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def linear():
    model = Linear()
    model.basis = np.random.default_rng(3).normal(size=(16, 3)).astype("float32")  # whatever ran before
    return model


def test_strokes_move_a_code_by_least_squares_and_no_farther_than_they_must(linear):
    z = RNG.normal(size=(2, 3)).astype("float32")
    colours = RNG.normal(size=(2, 4, 4, 1)).astype("float32")
    mask = np.float32(RNG.random((4, 4)) < 0.4)
    found = editing.edit(linear, z, colours, mask, smoothness=0.7)
    seen = linear.basis[mask.ravel() > 0]
    left = seen.T @ seen + 0.7 * np.eye(3)
    for own, wanted, code in zip(z, colours.reshape(2, 16), found.z):
        want = np.linalg.solve(left, seen.T @ wanted[mask.ravel() > 0] + 0.7 * own)
        np.testing.assert_allclose(code, want, atol=1e-3)
    np.testing.assert_allclose(found.images, linear.generate(found.z), atol=1e-5)


def test_nothing_painted_and_much_smoothness_leave_the_image(linear):
    z = RNG.normal(size=(2, 3)).astype("float32")
    colours = np.ones((4, 4, 1), "float32")
    found = editing.edit(linear, z, colours, np.zeros((4, 4)), steps=20)
    np.testing.assert_array_equal(found.z, z)
    assert found.losses.max() == 0
    near = editing.edit(linear, z, colours, np.ones((4, 4)), smoothness=1e6).z
    np.testing.assert_allclose(near, z, atol=1e-3)


class Waves(Latents):
    """G(z) = waves that begin z pixels farther left, of bytes, (24, 24, 2)."""

    label_spec = None
    latent_dim = 1
    value_range = (0.0, 255.0)
    prior = priors.Normal()
    fields = {"images": Image((24, 24, 2), 0.0, 255.0)}

    def generate(self, z, slant=0.4):
        rows, columns = np.indices((24, 24)).astype("float32")
        phase = 0.5 * (columns + z[:, :1, None])
        waves = tf.sin(phase + slant * rows), tf.cos(0.7 * phase - slant * rows)
        return 127 + 60 * tf.stack(waves, axis=-1)


def test_a_photograph_follows_the_motion_of_its_image():
    model, z = Waves(), np.zeros((1, 1), np.float32)
    wanted = model.generate(tf.constant([[2.0]]))
    photo, moved = (model.generate(tf.constant([[at]]), slant=0.2) for at in (0.0, 2.0))
    found = editing.edit(model, z, wanted, np.ones((24, 24)), smoothness=0.0, photos=photo, steps=200)
    assert found.z[0, 0] == pytest.approx(2, abs=0.01)
    np.testing.assert_allclose(found.generated, wanted, atol=1)
    error, change = (abs(x - moved)[:, 4:-4, 4:-4].numpy().mean() for x in (found.images, photo))
    assert error < 0.15 * change
    same = editing.edit(model, z, wanted, np.zeros((24, 24)), photos=photo, steps=1)
    np.testing.assert_allclose(same.images, photo, atol=1e-4)


def test_edges_are_of_directions_not_of_strength_or_sign():
    rows, columns = np.indices((8, 8)).astype("float32")
    waves = np.stack([np.cos(columns), np.cos(rows), np.cos(rows + columns), np.cos(rows - columns)])
    found = editing.edges(tf.constant(waves[..., None])).numpy()
    assert found.shape == (4, 2, 2, 9)
    peaks = found.sum((1, 2)).argmax(-1)
    degrees = [0, 90, 45, 135]
    gap = abs((peaks * 20 - degrees + 90) % 180 - 90)
    assert gap.max() <= 10
    np.testing.assert_allclose(editing.edges(tf.constant(-5 * waves[..., None])), found, atol=1e-3)
    np.testing.assert_allclose(editing.edges(tf.zeros((1, 8, 8, 3))), 0, atol=1e-6)


def test_a_sketch_draws_an_image_to_its_edges(linear):
    """From another code, a sketch of where the image has edges brings it nearer to them."""
    lines = np.zeros((4, 4), "float32")
    lines[:, 2] = 1
    z = np.float32([[1.0, -1.0, 0.5]])
    wanted = editing.edges(tf.constant(lines[None, ..., None]))
    found = editing.edit(linear, z, sketch=lines, smoothness=0.0, steps=200)

    def apart(code):
        return float(tf.reduce_sum((editing.edges(linear.generate(code)) - wanted) ** 2))

    assert apart(found.z) < 0.5 * apart(z)
    assert float(found.losses[0]) == pytest.approx(apart(found.z), rel=1e-3)


def test_a_part_is_moved():
    image = RNG.normal(size=(5, 6, 2))
    colours, mask = editing.moved(image, (0, 1, 2, 3), (3, 2))
    np.testing.assert_array_equal(colours[3:5, 2:5], image[0:2, 1:4])
    assert mask.sum() == 6 and mask[3:5, 2:5].all()
    np.testing.assert_array_equal(colours[mask[..., 0] == 0], image[mask[..., 0] == 0])


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda m: editing.edit(m, np.zeros((1, 3))), "colours and their mask, or a sketch"),
        (lambda m: editing.edit(m, np.zeros((1, 3)), np.zeros((4, 4, 1))), "colours and their mask"),
        (
            lambda m: editing.edit(m, np.zeros((1, 3)), sketch=np.zeros((5, 4))),
            "a mask has one of the shapes",
        ),
        (lambda m: editing.edit(m, np.zeros((1, 2)), sketch=np.zeros((4, 4))), "2"),
        (
            lambda m: editing.edit(m, np.zeros((1, 3)), np.zeros((5, 4, 1)), np.zeros((4, 4))),
            r"colours have one of the shapes .*; received \(5, 4, 1\)",
        ),
        (
            lambda m: editing.edit(m, np.zeros((2, 3)), sketch=np.eye(4), photos=np.zeros((3, 4, 4, 1))),
            "a photo for each code; received 3 and 2 codes",
        ),
        (
            lambda m: editing.moved(np.zeros((5, 6, 1)), (0, 0, 2, 3), (4, 0)),
            "a place of 2x3 pixels at .4, 0.",
        ),
    ],
)
def test_bad_input_is_one_line(linear, edit, message):
    with pytest.raises(InputError, match=message) as error:
        edit(linear)
    assert "\n" not in str(error.value)
