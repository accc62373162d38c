"""GANCLS: a text encoder that learns first, wrong pairs that count half, texts between two captions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import networks
from tfgen.errors import InputError
from tfgen.models import GANCLS
from tfgen.models.texttoimage.base import joint_loss, matching_loss

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-1, 1, (6, 8, 8, 3)), tf.float32)
WORDS = ["red", "a cat", "two", "sun", "dog", "tree"]


@pytest.fixture(scope="module")
def model():
    model = GANCLS(**GANCLS.tiny, seed=0)
    for weights in model.discriminator.trainable_variables:  # it begins all but deaf to the text
        weights.assign(RNG.normal(0, 0.3, weights.shape))
    return model


@pytest.fixture(scope="module")
def captions(model):
    return model.fields["captions"].for_samples(WORDS, 6, "captions", "GANCLS")


def softplus(x):
    return np.log1p(np.exp(x))


def test_the_hinge_of_matched_against_mismatched_pairs_goes_both_ways():
    images, texts = RNG.normal(size=(2, 5, 3)).astype("float32")
    f, want = images @ texts.T, 0.0
    for i in range(5):
        for j in set(range(5)) - {i}:
            want += max(0, 1 + f[i, j] - f[i, i]) + max(0, 1 + f[j, i] - f[i, i])
    loss, found = joint_loss(images, texts)
    assert float(loss) == pytest.approx(want / 25, rel=1e-5)
    assert float(found) == pytest.approx(np.mean(f.argmax(1) == np.arange(5)))
    one_way, _ = joint_loss(tf.constant(texts), tf.constant(images))
    assert float(one_way) == pytest.approx(want / 25, rel=1e-5)  # it knows no first side
    apart = 10 * np.eye(4, dtype="float32")
    assert [float(x) for x in joint_loss(apart, apart)] == [0, 1]


def test_a_discriminator_that_ignores_the_text_says_two_thirds_of_real_images():
    zero = tf.zeros((4, 1))
    assert float(matching_loss(zero, zero, zero)) == pytest.approx(2 * np.log(2))
    assert float(matching_loss(zero, zero)) == pytest.approx(2 * np.log(2))
    logits = {}
    for name, wrong in (("cls", True), ("plain", False)):
        logit = tf.Variable([[np.log(2.0)], [0.5]], dtype=tf.float32)
        with tf.GradientTape() as tape:
            loss = matching_loss(logit, zero, logit if wrong else None)
        logits[name] = tape.gradient(loss, logit).numpy()[:, 0]
    assert logits["cls"][0] == pytest.approx(0, abs=1e-6) and logits["cls"][1] < 0  # still rising at 0.62
    assert logits["plain"][0] < 0


@pytest.mark.parametrize("matching", [True, False])
def test_a_wrong_pair_has_the_text_of_the_example_before(model, captions, matching):
    step = step_of(model, IMAGES, captions, training=False)
    h, fakes = model.encode_text(captions), model.made(step)
    logits = model.discriminator([IMAGES, h]), model.discriminator([fakes, h])
    real, fake = (x.numpy() for x in logits)
    wrong = model.discriminator([IMAGES, tf.gather(h, [5, 0, 1, 2, 3, 4])]).numpy()
    wrong = softplus(wrong).mean() if matching else softplus(fake).mean()
    model.matching = matching
    try:
        loss, _ = model.discriminator_objective(step)
    finally:
        model.matching = True
    want = softplus(-real).mean() + 0.5 * wrong + 0.5 * softplus(fake).mean()
    assert float(loss) == pytest.approx(want, rel=1e-5)


def test_texts_between_captions_are_for_the_generator_alone(model, captions):
    """The first three with the last three, judged with the text in the middle."""
    seen, score = [], model.score

    def look(images, texts, training=False):
        seen.append((images, texts))
        return score(images, texts, training)

    losses = {}
    model.score = look
    try:
        for interpolation in (True, False):
            model.interpolation = interpolation
            step = step_of(model, IMAGES, captions, training=False)
            losses[interpolation] = [
                float(model.discriminator_objective(step)[0]),
                float(model.generator_objective(step)[0]),
            ]
    finally:
        del model.score
        model.interpolation = True
    assert losses[True][0] == losses[False][0]
    images, (middle,) = seen[2]
    h = model.encode_text(captions).numpy()
    np.testing.assert_allclose(middle, (h[:3] + h[3:]) / 2, rtol=1e-5)
    added = softplus(-score(images, [middle]).numpy()).mean()
    assert losses[True][1] - losses[False][1] == pytest.approx(added, rel=1e-4)
    own = seen[-1][0]  # of the captions themselves
    assert images.shape[0] == 3 and len(own) == 6 and np.abs(images - own[:3]).max() > 1e-4


def test_a_text_is_the_mean_over_its_own_characters():
    """However long the padding is; and the order of the characters matters."""
    nets = [networks.text_encoder(length, 128, 5, width=8) for length in (7, 12)]
    nets[1].set_weights(nets[0].get_weights())
    text = np.frombuffer(b"a cat", np.uint8).astype("int32")
    short, long = (net(np.pad(text, (0, n - 5))[None]).numpy() for net, n in zip(nets, (7, 12)))
    np.testing.assert_allclose(short, long, atol=1e-6)
    turned = nets[0](np.pad(text[::-1], (0, 2))[None]).numpy()
    assert np.abs(turned - short).max() > 1e-3 and np.isfinite(nets[0](np.zeros((1, 7), "int32"))).all()


def test_the_encoders_learn_first_and_alone(model):
    due = {k: [name for name, one in model.objectives().items() if one.due(k)] for k in (1, 2, 3)}
    assert due == {1: ["text"], 2: ["text"], 3: ["discriminator", "generator"]}
    fitted = GANCLS(**{**GANCLS.tiny, "text_steps": 80}, seed=0)
    fitted.compile({name: keras.optimizers.Adam(0.01) for name in fitted.objectives()})
    dots = np.float32(np.eye(6)[:, :, None, None] * np.ones((1, 1, 8, 3)))  # six rows, six words
    images = 2 * np.pad(dots, ((0, 0), (0, 2), (0, 0), (0, 0))) - 1
    rows = {"images": np.tile(images, (40, 1, 1, 1)), "captions": np.array(WORDS * 40)}
    found = fitted.fit(rows, batch_size=6, epochs=2, shuffle=False, verbose=0).history["text_found"]
    assert found[0] < found[1] > 0.8


def test_samples_are_of_texts(model):
    two = model.sample(2, seed=0, captions=["red", "a cat"]).numpy()
    np.testing.assert_allclose(model.sample(1, seed=0, captions="Red").numpy(), two[:1], atol=1e-6)
    assert np.abs(model.sample(2, seed=0, captions="red").numpy()[1] - two[1]).max() > 1e-5
    z = model.prior.draw(model.key_of(0), (2, 4))
    np.testing.assert_allclose(model.generate(z, ["red", "a cat"]), two, atol=1e-6)
    for given, line in (
        ({}, "GANCLS makes images of captions; give captions"),
        ({"captions": ["red"] * 3}, "a text for each sample, or one for all; received 3 texts for n=2"),
        ({"captions": ""}, "a text must be a string that is not empty; received ''"),
        ({"captions": ["red", 7]}, "a text must be a string that is not empty; received 7"),
        ({"captions": "long text"}, "a text has at most 6 characters; received 9"),
        ({"captions": "na\u00efve"}, "a text is of ASCII characters that are printable"),
    ):
        with pytest.raises(InputError, match=line):
            model.sample(2, seed=0, **given)
    for name in ("length", "text_steps", "width"):
        with pytest.raises(InputError, match=f"{name} of GANCLS must be at least 1; received 0"):
            GANCLS(**{**GANCLS.tiny, name: 0})
