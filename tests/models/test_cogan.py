"""CoGAN: which weights the two domains share, what each game teaches, and a classifier that both ask."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.export import saved_model
from tfgen.export.signature import Signature
from tfgen.metrics import evaluate
from tfgen.models import CoGAN

RNG = np.random.default_rng(0)
A, B = (RNG.uniform(0, 1, (6, 16, 16, 1)).astype("float32") for _ in "ab")
LABELS = np.array([0, 1, 2, 2, 1, 0])
Z = RNG.normal(size=(6, 4)).astype("float32")


def build(**kwargs):
    return CoGAN(**{**CoGAN.tiny, "seed": 0, "weight_decay": 0.0, **kwargs})


@pytest.fixture(scope="module")
def model():
    return build()


def pair(generator, z=Z):
    return [images.numpy() for images in generator(z)]


def moved(network, layer, function):
    """Whether each array that `function` gives changes where the kernel of a layer of `network` does."""
    kernel = network.get_layer(layer).kernel
    before, kept = function(), kernel.numpy()
    kernel.assign(kept + RNG.normal(0, 0.2, kept.shape))
    after = function()
    kernel.assign(kept)
    return [not np.array_equal(x, y) for x, y in zip(before, after)]


def check_ties(generator, discriminator):
    """First layers of G and last ones of D belong to both domains, the others to one."""
    first = generator.layers[1].name
    assert moved(generator, first, lambda: pair(generator)) == [True, True]
    assert moved(generator, "last_a", lambda: pair(generator)) == [True, False]
    assert moved(generator, "last_b", lambda: pair(generator)) == [False, True]

    def scores():
        return [part.numpy() for part in discriminator([A, A])[:4]]

    for layer in ("tied", "score"):
        assert moved(discriminator, layer, scores)[:2] == [True, True]
    assert moved(discriminator, "first_a", scores) == [True, False, True, False]
    assert moved(discriminator, "first_b", scores) == [False, True, False, True]


def test_tied_layers_are_the_same_layers_also_when_saved_and_averaged(model, tmp_path):
    averaged = build(ema_decay=0.5)
    averaged.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for networks in ((model.generator, model.discriminator), loaded.averages.values()):
        check_ties(*networks)
    for name, copy in loaded.averages.items():
        assert len(copy.weights) == len(getattr(model, name).weights)


def test_tied_layers_are_one_in_a_saved_model(model, tmp_path):
    signatures = [Signature(model, name, *model.signatures()[name]) for name in ("generate_pair", "classify")]
    saved_model.write(signatures, tmp_path)
    loaded = tf.saved_model.load(str(tmp_path))
    kernel = model.generator.layers[1].kernel.value
    first = loaded.weights[next(n for n, v in signatures[0].weights.items() if v is kernel)]
    before = loaded.generate_pair(Z)
    for name, images in model.generate_pair(Z).items():
        np.testing.assert_allclose(before[name], images, atol=1e-6)
    first.assign(first + 1)
    for name, images in loaded.generate_pair(Z).items():
        assert np.abs(images - before[name]).max() > 1e-3


def test_first_layers_of_the_discriminator_are_two_and_of_the_generator_one(model):
    """Not the other way round. Networks of 28x28, as the authors count them, without biases."""
    shapes = [tuple(v.shape) for v in model.discriminator.trainable_variables if v.name == "kernel"]
    assert sorted(shapes) == sorted([(5, 5, 1, 2)] * 2 + [(5, 5, 2, 5), (5, 50), (50, 1), (50, 3)])
    shapes = [tuple(v.shape) for v in model.generator.trainable_variables if v.name == "kernel"]
    assert sorted(shapes) == sorted(
        [(4, 64), (3, 3, 8, 16), (3, 3, 4, 8), (3, 3, 2, 4), (6, 6, 1, 2), (6, 6, 1, 2)]
    )
    large = CoGAN((28, 28, 1), width=8, features=25)
    outputs = [layer.output.shape for layer in large.generator.layers]
    maps = [4, 4, 7, 7, 7, 13, 13, 13, 25, 25, 25]
    assert [shape[1] for shape in outputs[2:] if len(shape) == 4][1:12] == maps
    assert [tuple(x.shape) for x in large.generator.outputs] == [(None, 28, 28, 1)] * 2


@pytest.mark.parametrize("shape", [(16, 16, 1), (17, 22, 3), (31, 20, 1)])
def test_images_of_any_size_from_16_on(shape):
    model = build(image_shape=shape)
    pair = model.generate_pair(Z)
    assert {name: x.shape for name, x in pair.items()} == {f"images_{k}": (6, *shape) for k in "ab"}
    assert model.heads([x.numpy() for x in pair.values()]).scores[1].shape == (6, 1)


def test_one_z_has_one_meaning_and_two_looks(model):
    generator = model.generator
    middle = keras.Model(generator.inputs[0], generator.get_layer("shared").output)(Z)
    pair = model.generate_pair(Z)
    for name in "ab":
        drawn = generator.get_layer(f"last_{name}")(middle)[:, 1:-1, 1:-1]
        np.testing.assert_allclose(pair[f"images_{name}"], drawn, atol=1e-6)
    assert np.abs(pair["images_a"] - pair["images_b"]).max() > 0.05
    steps = step_of(model, A, LABELS, B)
    assert model.fakes(steps)[0] is model.fakes(steps)[0]  # the discriminator's and the generator's


def test_a_domain_is_an_option_of_samples(model):
    a, b = (model.sample(5, seed=3, domain=domain) for domain in (0, 1))
    pair = model.generate_pair(model.latents_from_seed(3, 5))
    np.testing.assert_allclose(a, pair["images_a"], atol=1e-6)
    np.testing.assert_allclose(b, pair["images_b"], atol=1e-6)
    np.testing.assert_array_equal(model.sample(5, seed=3), a)
    for tensor in (0.0, 1.0):
        drawn = model.sample_from_seed(tf.constant(3, tf.int64), 5, tf.constant(tensor))
        np.testing.assert_array_equal(drawn, (a, b)[int(tensor)])
    mixed = model.generate(model.latents_from_seed(3, 5), np.array([0, 1, 1, 0, 1]))
    np.testing.assert_allclose(mixed, np.where(np.reshape([0, 1, 1, 0, 1], (5, 1, 1, 1)), b, a), atol=1e-6)
    with pytest.raises(InputError, match="domain must be 0 or more, below 2; received 2"):
        model.sample(1, domain=2)


def softplus(x):
    return np.log1p(np.exp(np.float64(x)))


def test_the_losses_are_the_papers(model):
    step = step_of(model, A, LABELS, B)
    fakes = [images.numpy() for images in model.fakes(step)]
    real, fake = model.heads([A, B], True), model.heads(fakes, True)
    games = [softplus(-r).mean() + softplus(f).mean() for r, f in zip(real.scores, fake.scores)]
    p = tf.nn.softmax(real.classes[0]).numpy()
    entropy = -np.log(p[np.arange(6), LABELS]).mean()
    distance = ((fake.features[0] - fake.features[1]).numpy() ** 2).sum(axis=1).mean()
    loss, logs = model.discriminator_objective(step)
    assert float(logs["class_loss"]) == pytest.approx(entropy, rel=1e-4)
    assert float(logs["feature_distance"]) == pytest.approx(distance, rel=1e-4)
    assert float(loss) == pytest.approx(sum(games) / 2 + 10 * entropy + 0.01 * distance, rel=1e-4)
    loss, logs = model.generator_objective(step)
    assert float(logs["generator_b"]) == pytest.approx(softplus(-fake.scores[1]).mean(), rel=1e-4)
    assert float(loss) == pytest.approx(sum(softplus(-s).mean() for s in fake.scores) / 2, rel=1e-4)


def test_kernels_alone_decay():
    model = build(weight_decay=0.1)
    step = step_of(model, A, LABELS, B)
    for name, objective in model.objectives().items():
        with tf.GradientTape(persistent=True) as tape:
            loss = objective.loss(step)[0]
            plain = loss - model._decay(name)
        for v in objective.variables:
            with_decay, without = tape.gradient(loss, v.value), tape.gradient(plain, v.value)
            if v.name == "kernel":
                np.testing.assert_allclose(with_decay - without, 0.1 * v.numpy(), atol=1e-5)
            elif with_decay is not None:  # that of a head that plays no part
                np.testing.assert_array_equal(with_decay, without)


def gradients(model, objective, logs):
    """{log: {variable's path: its gradient or None}} and the loss's own."""
    step = step_of(model, A, LABELS[: len(A)], B) if model.classes else step_of(model, A, B)
    variables = objective.variables
    with tf.GradientTape(persistent=True) as tape:
        loss, found = objective.loss(step)
    parts = {**{log: found[log] for log in logs}, "loss": loss}
    return {
        log: dict(zip([v.path for v in variables], tape.gradient(part, [v.value for v in variables])))
        for log, part in parts.items()
    }


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_a_tied_weight_learns_from_both_domains_and_another_from_its_own(name):
    model = build(classes=0)
    found = gradients(model, model.objectives()[name], [f"{name}_a", f"{name}_b"])
    a, b, total = found.values()
    for path, gradient in total.items():
        own = [part[path] for part in (a, b)]
        if path.split("/")[-2].endswith(("_a", "_b")):
            other = own.pop("ab".index(path.split("/")[-2][-1]) ^ 1)
            assert other is None or not np.any(other)
        assert all(part is not None and np.any(part) for part in own), path
        np.testing.assert_allclose(gradient, sum(own) / 2, rtol=1e-3, atol=1e-7, err_msg=path)


def test_what_domain_a_teaches_the_classifier_reaches_the_other_by_shared_layers(model):
    found = gradients(model, model.objectives()["discriminator"], ["class_loss"])["class_loss"]
    reached = {path.split("/")[-2] for path, gradient in found.items() if gradient is not None}
    assert {"first_a", "tied", "classes"} <= reached and not {"first_b", "score"} & reached
    images = RNG.uniform(0, 1, (3, 16, 16, 1)).astype("float32")
    before = model.classify(images).numpy()
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-5)
    assert np.abs(before - model.classify(images, domain=0)).max() > 1e-4
    first = {name: model.discriminator.get_layer(f"first_{name}") for name in "ab"}
    kept = first["b"].get_weights()
    first["b"].set_weights(first["a"].get_weights())
    np.testing.assert_allclose(model.classify(images), model.classify(images, domain=0), atol=1e-6)
    first["b"].set_weights(kept)
    np.testing.assert_allclose(model.classify(np.uint8(255 * images)), before, atol=0.01)


def test_features_of_a_pair_are_drawn_together_by_the_discriminator_alone():
    plain, drawn = build(feature_weight=0.0), build(feature_weight=100.0)
    step = step_of(drawn, A, LABELS, B)
    with tf.GradientTape() as tape:
        distance = drawn.discriminator_objective(step)[1]["feature_distance"]
    networks = [drawn.generator, drawn.discriminator]
    variables = [[v.value for v in network.trainable_variables] for network in networks]
    of_generator, of_discriminator = tape.gradient(distance, variables)
    assert not any(gradient is not None for gradient in of_generator)
    assert sum(gradient is not None and bool(np.any(gradient)) for gradient in of_discriminator) >= 8
    losses = [float(m.generator_objective(step_of(m, A, LABELS, B))[0]) for m in (plain, drawn)]
    assert losses[0] == losses[1]
    difference = float(drawn.discriminator_objective(step)[0] - plain.discriminator_objective(step)[0])
    assert difference == pytest.approx(100 * float(distance), rel=1e-3)


def test_each_domain_has_a_game(model):
    for which, game in enumerate(model.games()):
        step = step_of(model, A, LABELS, B, training=False)
        seen = game.play(step)
        assert game.name == "ab"[which] and seen.reals is step.batch[f"images_{game.name}"]
        np.testing.assert_allclose(seen.real_scores, model.heads([A, B]).scores[which], atol=1e-5)
        np.testing.assert_allclose(seen.fake_scores, model.heads(model.fakes(step)).scores[which], atol=1e-5)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(15, 28, 1)), r"of 16x16 at least; received image_shape=\(15, 28, 1\)"),
        (dict(image_shape=(28, 28)), "takes images"),
        (dict(width=4), "width must be at least 8; received 4"),
        (dict(features=20), "features must be at least 25; received 20"),
        (dict(classes=1), "needs classes >= 2; received 1"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)


def test_two_domains_are_scored_without_a_classifier(model, capsys):
    source = {"images_a": A, "labels_a": LABELS, "images_b": B}
    scores = evaluate(model, source, split="train")
    assert "the extractor 'classifier' cannot be trained (it learns images" in capsys.readouterr().err
    ends = ("", "_real", "_fake")
    assert [x.name for x in scores] == [
        f"{game}_discriminator_accuracy{end}" for game in "ab" for end in ends
    ]
    assert {x.protocol["n_real"] for x in scores} == {6}


def test_bad_calls_are_named(model):
    with pytest.raises(InputError, match="trained without labels; build it with classes="):
        build(classes=0).classify(A)
    with pytest.raises(InputError, match="domain is 0 for a or 1 for b; received 2"):
        model.classify(A, domain=2)
