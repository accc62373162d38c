"""CaloGAN: showers in three layers, and the energy that was asked for."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfgen.errors import InputError
from tfgen.models import CaloGAN
from tfgen.models.adversarial.calogan import Resampled, overlap
from tfgen.models.step import Step

RNG = np.random.default_rng(0)


def showers(n=8):
    """A tiny formula: energies in GeV, of which each layer has a share, on a few cells."""
    energies = RNG.uniform(1, 100, n).astype("float32")
    images = np.zeros((n, 6, 8, 1), np.float32)
    for (y, x, rows, columns), share in zip(((0, 0, 2, 8), (2, 0, 4, 4), (2, 4, 4, 2)), (0.1, 0.8, 0.1)):
        cells = RNG.exponential(1, (n, rows, columns)) * (RNG.uniform(size=(n, rows, columns)) < 0.6) + 1e-3
        cells *= (share * energies / cells.sum((1, 2)))[:, None, None]
        images[:, y : y + rows, x : x + columns, 0] = cells
    return images, energies


IMAGES, ENERGIES = showers()


@pytest.fixture(scope="module")
def model():
    return CaloGAN(**CaloGAN.tiny, seed=0)


def test_a_shower_is_one_image_of_three_layers(model):
    full = CaloGAN(latent_dim=4, width=4, seed=0)
    assert full.image_shape == (15, 96, 1) and full.fields["images"].unit == "GeV"
    assert full.regions == ((0, 0, 3, 96), (3, 0, 12, 12), (3, 12, 12, 6))
    image = np.arange(6 * 8).reshape(1, 6, 8, 1)
    first, second, third = model.layers_of(image)
    assert [x.shape[1:3] for x in (first, second, third)] == [(2, 8), (4, 4), (4, 2)]
    assert first[0, 1, 7, 0] == 15 and second[0, 0, 0, 0] == 16 and third[0, 3, 1, 0] == 45
    drawn = model.sample(20, seed=0).numpy()
    outside = drawn[:, 2:, 6:]
    assert (outside == 0).all() and 0.1 < (drawn == 0).mean() < 0.95
    np.testing.assert_allclose(
        sum(x.sum((1, 2, 3)) for x in model.layers_of(drawn)), drawn.sum((1, 2, 3)), rtol=1e-5
    )


def test_twice_the_energy_is_twice_the_input(model):
    z = RNG.normal(size=(3, 4)).astype("float32")
    network = model.generator
    entrance = type(network)(network.inputs, network.layers[3].output)  # the product
    once, twice = (entrance([z, np.full((3, 1), e, "float32")]) for e in (20, 40))
    np.testing.assert_allclose(once, z * 0.2, rtol=1e-6)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    np.testing.assert_allclose(
        model.generate(z / 2, [80.0] * 3), model.generate(z, [40.0] * 3), rtol=1e-4, atol=1e-5
    )


def test_cells_are_resampled_by_area():
    np.testing.assert_allclose(overlap(2, 4), [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    np.testing.assert_allclose(overlap(4, 2), [[1, 0], [1, 0], [0, 1], [0, 1]])
    np.testing.assert_allclose(overlap(2, 3), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], atol=1e-6)
    x = RNG.normal(size=(2, 3, 96, 1)).astype("float32")
    want = np.repeat(x, 4, axis=1).reshape(2, 12, 12, 8, 1).mean(3)
    np.testing.assert_allclose(Resampled((12, 12))(x), want, atol=1e-6)


def test_attention_is_convex_and_takes_almost_nothing_of_the_carry_at_first(model):
    """softmax of (0, -10) plus what the weights see: about e^-10 of the carry."""
    network = model.generator
    softmaxes = [x for x in network.layers if type(x).__name__ == "Softmax"]
    assert len(softmaxes) == 2
    z, e = RNG.normal(size=(16, 4)).astype("float32"), np.full((16, 1), 50, "float32")
    for one in softmaxes:
        weights = type(network)(network.inputs, one.output)([z, e]).numpy()
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
        assert np.median(weights[..., 1]) < 1e-3 and weights.min() >= 0


def test_what_the_discriminator_is_told_of_energies(model):
    """Those of the layers / 10, of all / 100, the error, and 10 above an error of 5 GeV."""
    told = next(x for x in model.discriminator.layers[::-1] if type(x).__name__ == "Concatenate")
    seen = type(model.discriminator)(model.discriminator.inputs, told.output)
    for asked, flag in ((ENERGIES, 0), (ENERGIES + 4.9, 0), (ENERGIES + 5.1, 10), (ENERGIES - 5.1, 10)):
        row = seen([IMAGES, asked[:, None]]).numpy()[:, -16:]
        np.testing.assert_allclose(row[:, :3] * 10, ENERGIES[:, None] * [[0.1, 0.8, 0.1]], rtol=1e-4)
        np.testing.assert_allclose(row[:, 3] * 100, ENERGIES, rtol=1e-4)
        np.testing.assert_allclose(row[:, 4], abs(asked - ENERGIES), atol=1e-3)
        assert (row[:, 5] == flag).all()
    # an exact shower: no error


def test_the_generator_pays_for_the_error_of_its_energy(model):
    step = Step(model, {"images": tf.constant(IMAGES), "labels": tf.constant(ENERGIES)}, False)
    step.playing = "generator"
    loss, logs = model.generator_objective(step)
    fakes, _ = model.fakes(step)
    error = np.abs(np.sum(fakes, (1, 2, 3)) - ENERGIES).mean()
    fooled = np.log1p(np.exp(-model.score(fakes, ENERGIES).numpy().astype("float64"))).mean()
    assert float(logs["energy_error"]) == pytest.approx(error, rel=1e-4)
    assert float(loss) == pytest.approx(fooled + 0.05 * error, rel=1e-3)
    assert model.objectives()["discriminator"].every == 2 and model.objectives()["generator"].every == 1


def test_energies_are_drawn_within_their_range_and_others_are_one_line(model):
    drawn = model.fields["labels"].draw(ops.convert_to_tensor([1, 2], "uint32"), 500).numpy()
    assert drawn.shape == (500,) and 1 <= drawn.min() < 3 and 97 < drawn.max() <= 100
    assert model.sample(2, seed=0, labels=50.0).shape == (2, 6, 8, 1)
    for labels in (0.5, [20.0, 120.0]):
        with pytest.raises(InputError, match=r"CaloGAN takes labels in \[1, 100\] GeV; received"):
            model.sample(2, seed=0, labels=labels)
    with pytest.raises(InputError, match="labels are numbers in GeV, as 50; received 'much'"):
        model.fields["labels"].parsed("much")
    with pytest.raises(InputError, match="needs 0 < lowest < highest GeV"):
        CaloGAN(lowest=5, highest=5)
    with pytest.raises(InputError, match="has three layers of"):
        CaloGAN(cells=((3, 96), (12, 12)))
