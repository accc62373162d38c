"""DiscoGAN: the weights of its terms, step by step, and translations that lead back."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import DiscoGAN, plan
from tfgen.models.translation import discogan

RNG = np.random.default_rng(0)
A, B = (tf.constant(RNG.uniform(0, 1, (4, 16, 16, 1)), tf.float32) for _ in "ab")


def build(**kwargs):
    model = DiscoGAN(**{**DiscoGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_the_losses_are_the_paper_s(model):
    """With the weights of the code: 0.1 and 0.9, and 0.01 in the first steps."""
    step = step_of(model, A, B)
    fake_a, fake_b = model.to_a(step), model.to_b(step)
    seen = {name: [x.numpy() for x in model.seen(name[-1], images, True)]
            for name, images in dict(real_a=A, real_b=B, fake_a=fake_a, fake_b=fake_b).items()}  # fmt: skip
    assert all(len(maps) == 4 and maps[0].shape == (4, 1) for maps in seen.values())
    again_a, again_b = (
        model.translator_ba(fake_b, training=True),
        model.translator_ab(fake_a, training=True),
    )
    gan = sum(np.mean(np.log1p(np.exp(-seen[f"fake_{d}"][0]))) for d in "ab")
    features = sum(np.mean((x.mean(0) - y.mean(0)) ** 2) for d in "ab"
                   for x, y in zip(seen[f"real_{d}"][1:], seen[f"fake_{d}"][1:]))  # fmt: skip
    const = np.mean((again_a - A) ** 2) + np.mean((again_b - B) ** 2)
    loss, logs = model.translators_objective(step)
    for log, want in (("adversarial", gan), ("features", features), ("cycle", const)):
        assert float(logs[log]) == pytest.approx(want, rel=1e-3), log
    assert float(loss) == pytest.approx(0.99 * (0.1 * gan + 0.9 * features) + 0.01 * const, rel=1e-3)
    loss, _ = model.discriminators_objective(step)
    standard = sum(np.mean(np.log1p(np.exp(-seen[f"real_{d}"][0]))) for d in "ab")
    standard += sum(np.mean(np.log1p(np.exp(seen[f"fake_{d}"][0]))) for d in "ab")
    assert float(loss) == pytest.approx(standard, rel=1e-3)


def test_the_rate_rises_when_ten_thousand_steps_are_over():
    """Counted from 0, the step 9,999 has the first one, 10,000 the second."""
    model = build(gan_curriculum=10_000)
    rates = []
    for number in (1, 10_000, 10_001):  # ours count from 1
        model.step.assign(number)
        rates.append(float(model.rate()))
    assert rates == pytest.approx([0.01, 0.01, 0.5])


def test_the_feature_loss_compares_means_over_the_batch_alone(model):
    maps = [tf.constant(RNG.normal(size=(4, 2, 2, 3)), tf.float32) for _ in range(3)]
    step = step_of(model, A, B)
    assert float(model.feature_loss(step, maps, [tf.random.shuffle(x, seed=1) for x in maps])) < 1e-12
    spread = [2 * x - tf.reduce_mean(x, 0) for x in maps]
    assert float(model.feature_loss(step, maps, spread)) < 1e-12
    assert float(model.feature_loss(step, maps, [x + 0.5 for x in maps])) == pytest.approx(3 * 0.25, rel=1e-4)


def test_both_distances_reach_both_translators(model):
    with tf.GradientTape(persistent=True) as tape:
        step = step_of(model, A, B)
        again_a, again_b = model.again(step)
        distances = tf.reduce_mean((again_a - A) ** 2), tf.reduce_mean((again_b - B) ** 2)
    for network in (model.translator_ab, model.translator_ba):
        for distance in distances:
            first = tape.gradient(distance, network.trainable_variables[0].value)
            assert float(tf.norm(first)) > 1e-6


@pytest.mark.parametrize("interval, turns", [(3, "dttdtt"), (1, "bbb"), (2, "dtdt")])
def test_the_discriminators_play_in_one_of_three_steps(interval, turns):
    objectives = build(interval=interval).objectives()
    played = [plan.due(objectives, k) for k in range(1, len(turns) + 1)]
    both = ("discriminators", "translators")
    assert played == [dict(d=both[:1], t=both[1:], b=both)[turn] for turn in turns]


def test_a_translator_takes_other_sizes_than_those_of_training(model):
    odd = RNG.uniform(0, 1, (2, 33, 18, 1)).astype("float32")
    for translate in (model.translate, model.translate_back):
        made = translate(odd).numpy()
        assert made.shape == odd.shape and 0 <= made.min() and made.max() <= 1


def test_the_discriminator_is_dcgan_s_of_64_pixels():
    net = discogan.discriminator(3, size=(64, 64), width=64, name="d")
    assert [x.shape[1:] for x in net.outputs] == [(1,), (16, 16, 128), (8, 8, 256), (4, 4, 512)]


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(24, 16, 1)), "whose sizes are multiples of 16; received"),
        (dict(feature_weight=1.5), r"feature_weight of DiscoGAN lies in \[0, 1\]; received 1.5"),
        (dict(interval=0), "interval of DiscoGAN is at least 1; received 0"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)
