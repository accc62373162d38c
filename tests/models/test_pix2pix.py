"""pix2pix: what each loss reaches, noise by the seed, images of any size."""

import json

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import colour, export
from tfgen.errors import InputError
from tfgen.export import onnx
from tfgen.models import CycleGAN, Pix2Pix

RNG = np.random.default_rng(0)
INPUTS = tf.constant(RNG.uniform(-1, 1, (3, 8, 8, 3)), tf.float32)
IMAGES = tf.constant(RNG.uniform(-1, 1, (3, 8, 8, 1)), tf.float32)


def build(**kwargs):
    model = Pix2Pix(**{**Pix2Pix.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_the_losses_are_the_papers(model):
    step = step_of(model, INPUTS, IMAGES)
    fakes = model.fakes(step)
    real, fake = (model.score(INPUTS, x, True).numpy() for x in (IMAGES, fakes))
    loss, _ = model.discriminator_objective(step)
    assert real.shape[1:3] != (1, 1)  # patches, whose mean it is
    assert float(loss) == pytest.approx(
        (np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake)))) / 2, rel=1e-5
    )
    loss, logs = model.generator_objective(step)
    l1 = np.mean(np.abs(IMAGES - fakes))
    assert float(logs["l1"]) == pytest.approx(l1, rel=1e-5)
    assert float(loss) == pytest.approx(np.mean(np.log1p(np.exp(-fake))) + 100 * l1, rel=1e-5)


@pytest.mark.parametrize("weights, log, factor", [((0.0, 1.0), "adversarial", 1), ((100.0, 0.0), "l1", 100)])
def test_a_weight_of_zero_leaves_the_other_loss_alone(weights, log, factor):
    model = build(l1_weight=weights[0], adversarial_weight=weights[1])
    with tf.GradientTape(persistent=True) as tape:
        loss, logs = model.generator_objective(step_of(model, INPUTS, IMAGES))
        alone = factor * logs[log]
    variables = model.generator.trainable_variables
    for a, b in zip(tape.gradient(loss, variables), tape.gradient(alone, variables)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("conditional", [True, False])
def test_the_discriminator_sees_the_input_if_it_is_to(conditional):
    model = build(conditional_discriminator=conditional)
    scores = [model.score(inputs, IMAGES).numpy() for inputs in (INPUTS, tf.roll(INPUTS, 1, axis=0))]
    assert np.array_equal(*scores) != conditional


def test_one_seed_gives_one_translation_whatever_else_is_in_the_batch(model):
    both = model.translate(INPUTS, seed=3).numpy()
    np.testing.assert_array_equal(model.translate(INPUTS, seed=3), both)
    np.testing.assert_allclose(model.translate(INPUTS[:1], seed=3), both[:1], atol=1e-6)
    np.testing.assert_allclose(model.sample(3, seed=3, inputs=INPUTS), both, atol=1e-6)
    assert np.abs(model.translate(INPUTS, seed=4) - both).max() > 1e-4
    still = build(dropout=0.0)
    assert not still.stochastic and model.stochastic
    np.testing.assert_array_equal(still.translate(INPUTS, seed=3), still.translate(INPUTS, seed=4))


def test_images_of_any_size_are_continued_by_reflection(model):
    odd = RNG.uniform(-1, 1, (1, 6, 11, 3)).astype("float32")
    whole = np.pad(odd, ((0, 0), (0, 2), (0, 1), (0, 0)), "reflect")
    np.testing.assert_allclose(model.translate(odd), model.translate(whole)[:, :6, :11], atol=1e-6)
    assert model.translate(odd[:, :1, :1]).shape == (1, 1, 1, 1)
    as_bytes = np.full((1, 8, 8, 3), 255, np.uint8)
    np.testing.assert_allclose(model.translate(as_bytes), model.translate(np.ones((1, 8, 8, 3))), atol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.sample(2), "Pix2Pix translates images; give inputs, or use translate"),
        (
            lambda m: m.translate(IMAGES),
            r"translates inputs \(n, height, width, 3\); received \(3, 8",
        ),
        (lambda m: m.translate(200 * INPUTS), r"takes inputs in \[-1, 1\]; received"),
        (lambda m: build(image_shape=(10, 8, 1)), "of depth 2 takes images whose sizes are multiples of 4"),
        (lambda m: m.fit({"inputs": INPUTS}, verbose=0), "expects a batch of inputs .*, images .*; received"),
    ],
)
def test_bad_input_is_named(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)


@pytest.mark.parametrize("cls", [Pix2Pix, CycleGAN])
def test_images_that_the_discriminator_cannot_take_are_named(cls):
    """With as many layers as see 70 pixels."""
    small = {**cls.tiny, "image_shape": (20, 24, 1), "strided": 3, "seed": 0}
    with pytest.raises(InputError, match="strided=3 takes images of 24x24 at least; received"):
        cls(**small)
    model = cls(**{**small, "image_shape": (24, 24, 1)})
    batch = [np.zeros((1, *field.shape), "float32") for field in model.fields.values()]
    for game in model.games():
        assert game.play(step_of(model, *batch)).real_scores.shape == (1, 1, 1, 1)


COLOURS = tf.constant(RNG.uniform(-1, 1, (3, 8, 8, 3)), tf.float32)


@pytest.fixture(scope="module")
def painter():
    return build(image_shape=(8, 8, 3), colour="lab", dropout=0.0)


def test_a_model_of_colours_trains_on_colour_images_and_takes_grey_ones(painter):
    assert list(painter.fields) == ["images"] and painter.input_channels == 1
    step = step_of(painter, COLOURS)
    x, y = painter.pair(step)
    lab = colour.lab_of(COLOURS / 2 + 0.5)
    np.testing.assert_allclose(tf.concat([50 * x + 50, 110 * y], -1), lab, atol=1e-3)
    fakes = painter.fakes(step)
    assert fakes.shape == (3, 8, 8, 2)
    _, logs = painter.generator_objective(step)
    assert float(logs["l1"]) == pytest.approx(np.mean(np.abs(y - fakes)), rel=1e-4)
    played = painter.played(step)
    np.testing.assert_allclose(played.reals, COLOURS, atol=1e-3)
    grey = painter.inputs_of({"images": COLOURS})
    np.testing.assert_allclose(painter.translate(grey.numpy()), played.fakes, atol=1e-2)
    columns = painter.columns({"images": COLOURS})
    np.testing.assert_allclose(columns["inputs"], grey, atol=1e-6)


def test_coloured_images_keep_their_lightness(painter):
    grey = RNG.integers(60, 190, (2, 10, 8, 1), np.uint8)
    made = painter.translate(grey)
    assert made.shape == (2, 10, 8, 3) and np.abs(made[..., 0] - made[..., 2]).max() > 1e-3
    want = np.float32(grey) / 127.5 - 1
    np.testing.assert_allclose(colour.halves(made)[0], colour.halves(want)[0], atol=1e-3)


def test_a_model_of_colours_is_exported(painter, tmp_path):
    """Which compares ONNX with the method, at two sizes."""
    export.write(painter, tmp_path / "artifact", {"onnx": onnx})
    manifest = json.loads((tmp_path / "artifact/manifest.json").read_text())
    (inputs,) = manifest["signatures"]["translate"]["inputs"]
    assert inputs["shape"] == [None, None, None, 1]


def test_a_network_that_knows_no_colours_gives_the_grey_image():
    model = build(image_shape=(8, 8, 3), colour="lab")
    model.generator.set_weights([0 * w for w in model.generator.get_weights()])
    grey = RNG.integers(0, 256, (2, 8, 8, 1), np.uint8)
    np.testing.assert_allclose(model.translate(grey), np.repeat(grey / 127.5 - 1, 3, -1), atol=2e-3)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(colour="lba", image_shape=(8, 8, 3)), "unknown colour 'lba'; did you mean lab"),
        (dict(colour="lab"), r"images of red, green and blue; received \(8, 8, 1\)"),
    ],
)
def test_colours_that_there_are_not_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)
