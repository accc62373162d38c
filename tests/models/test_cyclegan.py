"""CycleGAN: both cycles reach both translators, and the pools show what they should."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of
from translators import scaling

from tfgen.errors import InputError
from tfgen.models import CycleGAN
from tfgen.models.plan import play
from tfgen.models.translation.pool import Pool

RNG = np.random.default_rng(0)
A, B = (tf.constant(RNG.uniform(-1, 1, (2, 12, 12, 1)), tf.float32) for _ in "ab")


def build(**kwargs):
    model = CycleGAN(**{**CycleGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


def test_both_cycles_reach_both_translators():
    """G(a) = g a, F(b) = f b: the gradient of the cycles by g is f sign(f g - 1) (E|a| + E|b|)."""
    f, g = 0.7, 0.9
    model = build(translator_ab=scaling(g), translator_ba=scaling(f))
    with tf.GradientTape(persistent=True) as tape:
        _, logs = model.translators_objective(step_of(model, A, B))
    size = np.mean(np.abs(A)) + np.mean(np.abs(B))
    for network, other in ((model.translator_ab, f), (model.translator_ba, g)):
        (gradient,) = tape.gradient(logs["cycle"], [network.trainable_variables[0].value])
        assert float(gradient[0, 0, 0, 0]) == pytest.approx(-other * size, rel=1e-4)


def test_identities_cost_nothing():
    model = build(translator_ab=scaling(1.0), translator_ba=scaling(1.0), identity_weight=0.5)
    _, logs = model.translators_objective(step_of(model, A, B))
    assert float(logs["cycle"]) == float(logs["identity"]) == 0


def test_the_losses_are_the_papers():
    model = build(identity_weight=0.5, pool_size=0)
    step = step_of(model, A, B)
    fake_a, fake_b = model.to_a(step), model.to_b(step)
    d_a, d_b = (
        lambda x, d=d: d(x, training=True).numpy() for d in (model.discriminator_a, model.discriminator_b)
    )
    loss, logs = model.translators_objective(step)
    adversarial = np.mean((d_b(fake_b) - 1) ** 2) + np.mean((d_a(fake_a) - 1) ** 2)
    assert float(logs["adversarial"]) == pytest.approx(adversarial, rel=1e-4)
    again = model.translator_ba(fake_b, training=True), model.translator_ab(fake_a, training=True)
    cycle = sum(np.mean(np.abs(x - y)) for x, y in zip(again, (A, B)))
    same = sum(np.mean(np.abs(net(x, training=True) - x))
               for net, x in ((model.translator_ab, B), (model.translator_ba, A)))  # fmt: skip
    assert float(loss) == pytest.approx(adversarial + 10 * cycle + 5 * same, rel=1e-4)
    loss, _ = model.discriminators_objective(step)
    wanted = [np.mean((d(real) - 1) ** 2) + np.mean(d(fake) ** 2)
              for d, real, fake in ((d_a, A, fake_a), (d_b, B, fake_b))]  # fmt: skip
    assert float(loss) == pytest.approx(sum(wanted) / 2, rel=1e-4)


def test_the_discriminators_see_translations_of_before_the_update():
    model = build(pool_size=3)
    model.compile({name: keras.optimizers.SGD(0.5) for name in model.objectives()})
    before = model.translator_ab(A, training=True).numpy()
    step = step_of(model, A, B)
    play(model, step)
    assert np.abs(model.translator_ab(A, training=True) - before).max() > 1e-3
    np.testing.assert_allclose(model.pool_b.images[:2], before, atol=1e-6)


def test_a_pool_shows_new_images_until_it_is_full_and_then_half_old_ones():
    pool = Pool(50, (1, 1, 1))
    exchange = tf.function(pool.exchange)
    new = np.arange(10_050, dtype="float32").reshape(-1, 1, 1, 1)
    noise = RNG.uniform(size=(10_050, 2)).astype("float32")
    shown = np.concatenate(
        [exchange(new[k : k + 25], noise[k : k + 25]) for k in range(0, 10_050, 25)]
    ).ravel()
    np.testing.assert_array_equal(shown[:50], np.arange(50))
    later, own = shown[50:], np.arange(50, 10_050)
    assert np.mean(later != own) == pytest.approx(0.5, abs=0.015)
    old = later[later != own]
    assert len(np.unique(old)) == len(old)  # each leaves once
    assert (old < own[later != own]).all()


def test_a_pool_of_none_shows_what_it_is_given():
    np.testing.assert_array_equal(Pool(0, (1, 1, 1)).exchange(A, None), A)


def test_both_directions_take_any_size():
    model = build()
    odd = RNG.uniform(-1, 1, (1, 5, 14, 1)).astype("float32")
    for translate in (model.translate, model.translate_back):
        assert translate(odd).shape == odd.shape
    assert np.abs(model.translate(odd) - model.translate_back(odd)).max() > 1e-4
    with pytest.raises(InputError, match=r"CycleGAN translates images \(n, height, width, 1\); received"):
        model.translate_back(np.zeros((5, 5, 3), "float32"))


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(10, 12, 1)), "multiples of 4, at least 12; received"),
        (dict(input_channels=3, identity_weight=0.5), "needs domains of as many channels; received 3 and 1"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)
