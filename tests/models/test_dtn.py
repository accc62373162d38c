"""DTN: what each term measures, which network each update moves, and a representation that is given."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import DTN, plan
from tfgen.models.translation.dtn import total_variation

RNG = np.random.default_rng(0)
A = tf.constant(RNG.uniform(-1, 1, (6, 8, 8, 3)), tf.float32)
B = tf.constant(RNG.uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
LABELS = tf.constant([0, 1, 2, 0, 1, 2])


def build(**kwargs):
    model = DTN(**{**DTN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


def plain(channels=1, **kwargs):
    """A DTN of f(x) = x and g(z) = z: its G is the identity."""
    flat = keras.Sequential([keras.Input((8, 8, channels)), keras.layers.Flatten()])
    image = keras.Sequential([keras.Input((64,)), keras.layers.Reshape((8, 8, 1))])
    return build(input_channels=channels, code_dim=64, feature_network=flat, decoder=image, **kwargs)


@pytest.fixture(scope="module")
def model():
    return build()


def zero_logits(model):
    for v in model.discriminator.trainable_variables[-2:]:
        v.assign(tf.zeros_like(v))


def test_a_discriminator_that_knows_nothing_costs_three_log_three():
    model = build(const_weight=0.0, identity_weight=0.0, tv_weight=0.0)
    zero_logits(model)
    step = step_of(model, A, LABELS, B)
    assert float(model.discriminator_objective(step)[0]) == pytest.approx(3 * np.log(3), rel=1e-5)
    loss, logs = model.generator_objective(step)
    assert float(loss) == pytest.approx(2 * np.log(3), rel=1e-5) and set(logs) == {"adversarial"}
    assert model.odds(B).numpy() == pytest.approx(np.log(1 / 2))


def test_each_image_has_its_class(model):
    """D gains by telling translations, the target's images after G, and before."""
    step = step_of(model, A, LABELS, B)
    _, from_a, from_b = model.made(step)
    wanted = [np.log(tf.nn.softmax(model.logits(x, True)))[:, kind]
              for kind, x in enumerate((from_a, from_b, B))]  # fmt: skip
    loss = float(model.discriminator_objective(step)[0])
    assert loss == pytest.approx(-np.sum(np.mean(wanted, axis=1)), rel=1e-4)
    _, logs = model.generator_objective(step)
    real = [np.log(tf.nn.softmax(model.logits(x, True)))[:, 2] for x in (from_a, from_b)]
    assert float(logs["adversarial"]) == pytest.approx(-np.sum(np.mean(real, axis=1)), rel=1e-4)


def test_the_terms_are_weighed(model):
    step = step_of(model, A, LABELS, B)
    codes, from_a, from_b = model.made(step)
    loss, logs = model.generator_objective(step)
    const = np.mean((model.feature_network(tf.repeat(from_a, 3, axis=-1)) - codes) ** 2)
    assert float(logs["const"]) == pytest.approx(const, rel=1e-4) and const > 0
    assert float(logs["identity"]) == pytest.approx(np.mean((from_b - B) ** 2), rel=1e-4)
    assert float(logs["tv"]) == pytest.approx(float(total_variation(from_a)), rel=1e-4)
    rest = 15 * logs["const"] + 15 * logs["identity"] + 0.1 * logs["tv"]
    assert float(loss) == pytest.approx(float(logs["adversarial"] + rest), rel=1e-4)


def test_the_identity_costs_neither_constancy_nor_the_target():
    model = plain()
    one = tf.constant(RNG.uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
    _, logs = model.generator_objective(step_of(model, one, B))
    assert float(logs["const"]) == float(logs["identity"]) == 0
    np.testing.assert_array_equal(model.translate(one), one)


def test_total_variation_is_the_length_of_steps():
    """A step of height h in one column costs h a row; a slope of (p, q) the root of p^2 + q^2 a pixel."""
    step = np.zeros((2, 5, 7, 1), np.float32)
    step[:, :, 3:] = 0.5
    assert float(total_variation(tf.constant(step))) == pytest.approx(0.5 * 5)
    y, x = np.mgrid[:4, :4].astype("float32")
    slope = (0.3 * x + 0.4 * y)[None, ..., None]
    assert float(total_variation(tf.constant(slope))) == pytest.approx(9 * 0.5 + 3 * 0.3 + 3 * 0.4, rel=1e-5)
    flat = tf.ones((1, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(flat)
        loss = total_variation(flat)
    assert float(loss) == 0 and float(tf.norm(tape.gradient(loss, flat))) == 0


def test_the_representation_is_trained_first_and_then_fixed():
    model = build(feature_steps=3)
    due = [plan.due(model.objectives(), k) for k in (1, 3, 4)]
    assert due == [("classifier",), ("classifier",), ("discriminator", "generator")]
    parts = dict(f=model.feature_network, head=model.classifier, g=model.decoder, d=model.discriminator)
    data = {"images_a": A, "labels_a": LABELS, "images_b": B}
    for epochs, moved in ((3, {"f", "head"}), (2, {"g", "d"})):
        before = {name: part.get_weights() for name, part in parts.items()}
        model.fit(data, batch_size=6, epochs=epochs, verbose=0)
        changed = {name for name, part in parts.items()
                   if any((x != y).any() for x, y in zip(before[name], part.get_weights()))}  # fmt: skip
        assert changed == moved


def test_a_given_representation_needs_no_labels_and_is_saved(tmp_path):
    model = plain(channels=1)
    assert list(model.fields) == ["images_a", "images_b"]
    assert list(model.objectives()) == ["discriminator", "generator"]
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.features(B), model.features(B))
    assert list(loaded.fields) == list(model.fields)


def test_grey_images_are_repeated_for_a_representation_of_colour(model):
    colour = tf.repeat(B, 3, axis=-1)
    np.testing.assert_array_equal(model.features(B), model.features(colour))


def test_images_of_another_size_are_named(model):
    assert model.translate(A).shape == (6, 8, 8, 1)
    with pytest.raises(
        InputError, match=r"DTN translates inputs of 8x8 \(height x width\) alone; received 9x8; resize them"
    ):
        model.translate(np.zeros((1, 9, 8, 3), "float32") - 1)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(8, 8, 3), input_channels=1), "has 1 channel or as many as the source; received 3"),
        (dict(image_shape=(8, 7, 1)), "DTN takes images of 8x8 pixels at least; received"),
        (dict(source_classes=1), "at least 2 classes apart, in at least 1 step; received source_classes=1"),
        (dict(feature_steps=0), "received source_classes=3 and feature_steps=0"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)
