"""LAGAN: layers that know places, exact zeros, and two updates of G for one of D."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.layers import LocallyConnected2D, MinibatchDiscrimination
from tfgen.models import LAGAN
from tfgen.models.adversarial.acgan import class_loss
from tfgen.models.adversarial.lagan import FLIPPED, FLIPPED_CLASSES
from tfgen.models.step import Step

RNG = np.random.default_rng(0)
JETS = RNG.exponential(30, (8, 9, 9, 1)).astype("float32") * (RNG.uniform(size=(8, 9, 9, 1)) < 0.2)
CLASSES = np.arange(8, dtype="int32") % 2


@pytest.fixture(scope="module")
def compiled():
    model = LAGAN(**LAGAN.tiny, seed=0)
    model.compile(run_eagerly=True)
    return model


def step_of(model, rows=8, training=True):
    return Step(model, {"images": tf.constant(JETS[:rows]), "labels": tf.constant(CLASSES[:rows])}, training)


def test_the_layers_of_the_paper():
    model = LAGAN(width=8, seed=0)
    kinds = [x for x in model.generator.layers if isinstance(x, LocallyConnected2D)]
    assert [x.output.shape[1:] for x in kinds] == [(14, 14, 6), (26, 26, 6), (25, 25, 1)]
    seen = [x for x in model.discriminator.layers if isinstance(x, LocallyConnected2D)]
    assert [(x.size, x.output.shape[1:]) for x in seen] == [
        (5, (13, 13, 8)),
        (5, (13, 13, 8)),
        (3, (7, 7, 8)),
    ]
    (alike,) = [x for x in model.discriminator.layers if isinstance(x, MinibatchDiscrimination)]
    assert (alike.kernels, alike.size, alike.include_self) == (20, 10, True)


def test_pixels_are_exactly_zero_or_an_energy_up_to_the_highest(compiled):
    images = compiled.sample(40, seed=0).numpy()
    assert 0.1 < (images == 0).mean() < 0.9 and images.min() == 0
    last = compiled.generator.layers[-3]
    before = last.kernel.numpy()
    last.kernel.assign(1e4 * before)
    assert compiled.sample(40, seed=0).numpy().max() == 300
    last.kernel.assign(before)


def test_the_class_enters_by_a_product(compiled):
    """G(z, c) has z times the c-th row of the embedding, so that z = 0 is one image for all classes."""
    zero = np.zeros((2, 4), np.float32)
    a, b = compiled.generate(zero, np.arange(2)).numpy()
    np.testing.assert_array_equal(a, b)
    a, b = compiled.generate(zero + 1, np.arange(2)).numpy()
    assert not np.allclose(a, b)


def test_the_generator_is_updated_twice_for_each_update_of_the_discriminator(compiled):
    model = compiled
    counts = {name: int(one.iterations.numpy()) for name, one in model.optimizers.items()}
    for _ in range(4):
        model.train_on_batch(JETS, CLASSES)
    now = {name: int(one.iterations.numpy()) - counts[name] for name, one in model.optimizers.items()}
    assert now == {"discriminator": 2, "generator": 4}


def test_targets_are_flipped_as_often_as_the_paper_s(compiled):
    """A class becomes each of the others alike; a flipped score counts as one of the other kind."""
    model, labels = LAGAN(**{**LAGAN.tiny, "classes": 3}, seed=0), np.repeat([0, 1, 2], 10000)
    step = Step(model, {"labels": tf.constant(labels, tf.int32)}, True)
    flipped = model.flipped(step, "classes", FLIPPED_CLASSES).numpy()
    assert (flipped != labels).mean() == pytest.approx(0.09, abs=0.006)
    others = np.bincount((flipped - labels)[flipped != labels] % 3, minlength=3)
    assert others[0] == 0 and others[1] == pytest.approx(others[2], rel=0.15)
    assert (FLIPPED, FLIPPED_CLASSES) == (0.05, 0.09)


def test_the_discriminator_s_loss_by_hand(compiled):
    """Cross-entropies of real and fake, with the flipped ones as the other kind, and of classes."""
    model = compiled
    step = step_of(model)
    step.playing = "discriminator"
    loss, logs = model.discriminator_objective(step)
    fakes, _ = model.fakes(step)
    (real, y_real), (fake, y_fake) = (model.heads(x, training=True) for x in (JETS, fakes))
    flips = [step.uniform(f"flip of {name}", 1).numpy() < 0.05 for name in ("real", "fake")]
    targets = np.where(flips[0], 0.0, 1.0), np.where(flips[1], 1.0, 0.0)
    each = [
        tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(np.float32(t), x))
        for t, x in zip(targets, (real, fake))
    ]
    of_classes = (
        class_loss(CLASSES, y_real),
        class_loss(model.flipped(step, "classes of fakes", 0.05), y_fake),
    )
    assert float(loss) == pytest.approx(float(sum(each) + sum(of_classes)), rel=1e-4)
    assert float(logs["real_class_loss"]) == pytest.approx(float(of_classes[0]), rel=1e-4)


def test_energies_that_cannot_be_meant_are_one_line(compiled):
    for images, told in (
        (JETS.astype("uint8"), "LAGAN takes images in GeV, as floats in .0, 300.; received uint8"),
        (JETS - 1, r"LAGAN takes images in \[0, 300\] GeV; received -1 to"),
        (JETS * np.nan, "the images hold NaN"),
    ):
        with pytest.raises(InputError, match=told):
            compiled.fit(images, CLASSES, verbose=0)
    with pytest.raises(InputError, match=r"sides are 5, 9, 13, ... pixels, as \(25, 25, 1\); received"):
        LAGAN((24, 24, 1))


def test_pictures_show_four_decades(compiled):
    shown = compiled.picture(np.float32([0, 0.03, 0.3, 3, 30, 300]))
    np.testing.assert_allclose(shown, [0, 0, 75, 150, 225, 300], atol=1e-3)
