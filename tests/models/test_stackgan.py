"""StackGAN: a Gaussian in place of the text's features, and a second stage on the images of the first."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from steps import step_of

from tfgen import loading
from tfgen.errors import InputError
from tfgen.models import StackGAN

RNG = np.random.default_rng(0)
WORDS = ["red", "a cat", "two", "sun"]
IMAGES = tf.constant(RNG.uniform(-1, 1, (4, 16, 16, 3)), tf.float32)
SECOND = {**StackGAN.tiny, "image_shape": (16, 16, 3), "stage": 2, "scale": 2, "blocks": 1}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Stage I, whose averages are other networks than those that learn, and its file."""
    model = StackGAN(**StackGAN.tiny, seed=0, ema_decay=0.5)
    for name, copy in model.averages.items():
        copy.set_weights([1.5 * value for value in getattr(model, name).get_weights()])
    path = tmp_path_factory.mktemp("stackgan") / "first.keras"
    model.save(path)
    return model, path


@pytest.fixture(scope="module")
def second(first):
    return StackGAN(**SECOND, start=first[1], seed=1)


@pytest.fixture(scope="module")
def captions(second):
    return second.fields["captions"].for_samples(WORDS, 4, "captions", "StackGAN")


def test_a_narrow_gaussian_has_one_condition_for_a_text_and_a_wide_one_is_cut(first, captions):
    model, _ = first
    texts = model.encode_text(captions)
    net, before = model.conditioner, model.conditioner.get_weights()
    draw = lambda seed: model.condition(net, texts, model.key_of(seed))[0].numpy()  # noqa: E731
    try:
        net.set_weights([before[0], np.float32([0.3] * 4 + [-200] * 4)])  # sigma = exp(-40)
        np.testing.assert_array_equal(draw(0), draw(1))
        x = texts.numpy() @ before[0][:, :4] + 0.3
        np.testing.assert_allclose(draw(0), np.maximum(x, 0.2 * x), atol=1e-6)
        net.set_weights([0 * before[0], np.zeros(8, np.float32)])
        drawn = np.concatenate([draw(seed) for seed in range(40)])
        assert 1.9 < np.abs(drawn).max() <= 2 and drawn.std() == pytest.approx(0.88, abs=0.06)
    finally:
        net.set_weights(before)


def test_stage_two_starts_from_what_stage_one_makes(first, second, captions):
    """By the same noise, from its averages; and the large image depends on it."""
    texts = second.encode_text(captions)
    small = second.given(texts, second.key_of(7), 4)
    np.testing.assert_allclose(small, first[0].sample(4, seed=7, captions=WORDS), atol=1e-6)
    large = second.sample(4, seed=7, captions=WORDS).numpy()
    assert large.shape == (4, 16, 16, 3)
    c = second.condition(second.conditioner, texts, second.key_of(0))[0]
    made = [second.generator([small * factor, c]).numpy() for factor in (1.0, 1.0, 0.5)]
    np.testing.assert_array_equal(made[0], made[1])  # there is no z
    assert (made[0] != made[2]).any()


def test_the_generator_pays_for_its_gaussian(second, captions):
    step = step_of(second, IMAGES, captions, training=False)
    loss, logs = second.generator_objective(step)
    texts = second.encode_text(captions)
    _, mu, log_sigma = second.condition(second.conditioner, texts, second.key_of(0))
    normal = tfp.distributions.Normal
    kl = normal(mu, tf.exp(log_sigma)).kl_divergence(normal(0.0, 1.0))  # and its mean over the dimensions
    assert float(logs["kl"]) == pytest.approx(float(tf.reduce_mean(kl)), rel=1e-4)
    logits = second.score(second.made(step), [texts]).numpy()
    want = np.log1p(np.exp(-logits)).mean() + 2 * float(logs["kl"])
    assert float(loss) == pytest.approx(want, rel=1e-5)


def test_stage_two_moves_neither_stage_one_nor_the_text(first, second, captions, tmp_path):
    second.compile(run_eagerly=True)
    held = ("text_encoder", "first_generator", "first_conditioner")
    before = {name: getattr(second, name).get_weights() for name in held}
    moving = second.conditioner.get_weights()
    second.train_on_batch({"images": IMAGES, "captions": captions})
    assert list(second.objectives()) == ["discriminator", "generator"] and second.objectives()[
        "generator"
    ].due(1)
    for name in held:
        np.testing.assert_array_equal(
            np.concatenate([np.ravel(x) for x in getattr(second, name).get_weights()]),
            np.concatenate([np.ravel(x) for x in before[name]]),
        )
    assert any(np.any(a != b) for a, b in zip(moving, second.conditioner.get_weights()))
    second.save(tmp_path / "second.keras")
    moved = first[1].rename(first[1].with_name("elsewhere.keras"))  # a loaded model has no need of it
    try:
        loaded = keras.models.load_model(tmp_path / "second.keras")
    finally:
        moved.rename(first[1])
    assert loaded.start == str(first[1])
    want = second.sample(2, seed=3, captions="sun")
    np.testing.assert_allclose(loaded.sample(2, seed=3, captions="sun"), want, atol=1e-6)


def test_bad_stages_are_one_line(first, second, monkeypatch):
    """By a stage I, and another thing, that are not loaded once more."""
    known = {str(first[1]): first[0], "other": object()}
    load = loading.load
    monkeypatch.setattr(loading, "load", lambda what: known.get(what) or load(what))
    for changes, line in (
        (dict(stage=3), "StackGAN has stages 1 and 2, of scale 2, 4 or 8; received 3 and 2"),
        (dict(stage=1, start=first[1]), "first stage has nothing to start from; omit start, or give stage=2"),
        (dict(image_shape=(12, 12, 3)), "sides of StackGAN's stage 2 are powers of 2 from 16 on; received"),
        (dict(start="other"), "start must be StackGAN's stage 1; other is object"),
        (dict(width=4, start=first[1]), "both stages have one width; .* has 8, this one 4"),
        (dict(image_shape=(32, 32, 3), start=first[1]), r"starts from images of \(16, 16, 3\); those of"),
        (dict(start="none.keras"), "does not exist"),
    ):
        with pytest.raises(InputError, match=line):
            StackGAN(**{**SECOND, **changes})
    monkeypatch.setattr(second, "start", None)
    with pytest.raises(InputError, match="second stage goes on from a trained first one"):
        second.prepare()
