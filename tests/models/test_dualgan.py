"""DualGAN: what each loss reaches, critics held by their weights or their slope, noise by the seed."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of
from translators import scaling

from tfgen.errors import InputError
from tfgen.models import DualGAN
from tfgen.models.plan import play

RNG = np.random.default_rng(0)
A, B = (tf.constant(RNG.uniform(-1, 1, (2, 8, 8, 1)), tf.float32) for _ in "ab")


def build(**kwargs):
    model = DualGAN(**{**DualGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_the_losses_are_the_paper_s(model):
    step = step_of(model, A, B)
    scores = {(domain, kind): model.score(domain, images, True).numpy()
              for domain, real, fake in (("a", A, model.to_a(step)), ("b", B, model.to_b(step)))
              for kind, images in (("real", real), ("fake", fake))}  # fmt: skip
    assert scores["a", "real"].shape[1:3] != (1, 1)  # patches, whose mean it is
    loss, _ = model.critics_objective(step)
    wanted = sum(scores[domain, "fake"].mean() - scores[domain, "real"].mean() for domain in "ab")
    assert float(loss) == pytest.approx(wanted, abs=1e-5)
    again_a, again_b = model.again(step)
    distance = np.mean(np.abs(again_a - A)) + np.mean(np.abs(again_b - B))
    loss, logs = model.translators_objective(step)
    assert float(logs["cycle"]) == pytest.approx(distance, rel=1e-5)
    fakes = -scores["a", "fake"].mean() - scores["b", "fake"].mean()
    assert float(loss) == pytest.approx(500 * distance + fakes, rel=1e-5)


def test_both_distances_reach_both_translators():
    """G(a) = g a, F(b) = f b: the gradient by g is f sign(f g - 1) (E|a| + E|b|), by f likewise."""
    f, g = 0.7, 0.9
    model = build(translator_ab=scaling(g), translator_ba=scaling(f), dropout=0.0)
    with tf.GradientTape(persistent=True) as tape:
        _, logs = model.translators_objective(step_of(model, A, B))
    size = np.mean(np.abs(A)) + np.mean(np.abs(B))
    for network, other in ((model.translator_ab, f), (model.translator_ba, g)):
        (gradient,) = tape.gradient(logs["cycle"], [network.trainable_variables[0].value])
        assert float(gradient[0, 0, 0, 0]) == pytest.approx(-other * size, rel=1e-4)


def test_a_step_has_one_noise_for_each_translator():
    """z of G in both of its passes, z' of F: equal networks make two images of one."""
    model = build()
    model.translator_ba.set_weights(model.translator_ab.get_weights())
    step = step_of(model, A, B)
    made = model.to_b(step)
    np.testing.assert_array_equal(made, model.passed(step, "translator_ab", A))
    assert np.abs(made - model.passed(step, "translator_ba", A)).max() > 1e-4
    model.step.assign_add(1)
    assert np.abs(made - model.to_b(step_of(model, A, B))).max() > 1e-4


def test_an_update_leaves_all_weights_of_the_critics_within_the_limit():
    model = build(clip=0.005, critic_steps=1)
    play(model, step_of(model, A, B))
    for critic in (model.discriminator_a, model.discriminator_b):
        largest = [float(tf.reduce_max(abs(v))) for v in critic.trainable_variables]
        assert max(largest) == pytest.approx(0.005) and all(np.less_equal(largest, 0.005 + 1e-8))


def test_with_critics_that_say_nothing_the_distances_are_all():
    model = build(clip=0.0, critic_steps=1)
    play(model, step_of(model, A, B))
    loss, logs = model.translators_objective(step_of(model, A, B))
    assert float(logs["adversarial"]) == 0 and float(loss) == pytest.approx(500 * float(logs["cycle"]))


def test_a_constant_added_to_all_scores_changes_nothing(model):
    step = step_of(model, A, B)
    before = float(model.critics_objective(step)[0])
    for critic in (model.discriminator_a, model.discriminator_b):
        bias = critic.trainable_variables[-1]
        assert bias.shape == (1,)
        bias.assign(bias + 3.0)
    assert float(model.critics_objective(step)[0]) == pytest.approx(before, abs=1e-5)


def test_the_penalty_is_of_the_slope_of_an_image_s_mean_score():
    """Critics of slope s in each pixel have the norm s * 8 / 64 = s / 8 of 8 x 8 pixels."""
    model = build(clip=None, discriminator_a=scaling(2.0), discriminator_b=scaling(-4.0), penalty_weight=7.0)
    assert all(v.constraint is None for v in model.discriminator_a.trainable_variables)
    step = step_of(model, A, B)
    loss, logs = model.critics_objective(step)
    penalty = (2 / 8 - 1) ** 2 + (4 / 8 - 1) ** 2
    assert float(logs["gradient_penalty"]) == pytest.approx(penalty, rel=1e-4)
    wasserstein = 2 * np.mean(model.to_a(step) - A) - 4 * np.mean(model.to_b(step) - B)
    assert float(loss) == pytest.approx(wasserstein + 7 * penalty, rel=1e-4)


def test_one_seed_gives_one_translation_both_ways(model):
    for translate in (model.translate, model.translate_back):
        both = translate(A, seed=3).numpy()
        np.testing.assert_allclose(translate(A[:1], seed=3), both[:1], atol=1e-6)
        assert np.abs(translate(A, seed=4) - both).max() > 1e-4
    columns = model.columns({"images_a": A.numpy(), "images_b": B.numpy()}, seed=3)  # as a run gives them
    np.testing.assert_allclose(columns["b to a"], model.translate_back(B, seed=3), atol=1e-6)
    last = model.columns({"images_a": A[1:], "images_b": B[1:]}, seed=3, first_row=1)
    for title, images in columns.items():
        np.testing.assert_allclose(last[title], images[1:], atol=1e-5)
    still = build(dropout=0.0)
    assert not still.stochastic and model.stochastic


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(10, 8, 1)), "a DualGAN of depth 2 takes images whose sizes are multiples of 4"),
        (dict(strided=3), "the discriminator of DualGAN with strided=3 takes images of 24x24 at least"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)
