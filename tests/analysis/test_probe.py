"""A classifier on a trained encoder: what moves, what does not, and what it starts from."""

import keras
import numpy as np
import pytest

from tfgen.analysis.probe import classifier_of
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization
from tfgen.models import DCGAN, IAN, MODELS, VAE
from tfgen.models.abilities import Codes


def weights(model):
    return [w.copy() for w in model.get_weights()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    return rng.uniform(size=(60, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 60)


@pytest.mark.parametrize(
    "cls", [cls for cls in MODELS.values() if issubclass(cls, Codes)], ids=lambda cls: cls.__name__
)
def test_its_features_are_the_code_of_every_model_with_one(cls):
    model = cls(seed=0, ema_decay=0.5, **cls.tiny)
    if model.label_spec is not None or cls is IAN:
        with pytest.raises(InputError, match="takes features" if cls is IAN else "needs labels"):
            classifier_of(model, 4)
        return
    low, high = model.value_range
    images = np.random.default_rng(0).uniform(low, high, (5, *model.image_shape)).astype("float32")
    for weight in model.averaged("encoder").weights:
        weight.assign(weight + 0.01)  # the average is not what was trained last
    for frozen in (True, False):
        classifier = classifier_of(model, 4, frozen)
        features = keras.Model(classifier.input, classifier.get_layer("logits").input)
        np.testing.assert_allclose(features(images, training=False), model.encode(images), atol=1e-6)
        assert classifier(images).shape == (5, 4)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_weights_stay_and_the_model_s_own_always_do(examples, frozen):
    model = VAE((8, 8, 1), 3, width=8, body="dense", seed=0)
    classifier = classifier_of(model, 3, frozen)
    encoder = classifier.get_layer("encoder")
    own, copied, head = weights(model), weights(encoder), weights(classifier.get_layer("logits"))
    before = classifier.evaluate(*examples, verbose=0)[0]
    classifier.fit(*examples, batch_size=10, epochs=3, verbose=0)
    assert classifier.evaluate(*examples, verbose=0)[0] < before
    assert same(weights(model), own)
    assert same(weights(encoder), copied) == frozen
    assert not same(weights(classifier.get_layer("logits")), head)
    assert len(classifier.trainable_variables) == (2 if frozen else 2 + len(copied))


def test_it_is_saved_as_any_keras_model_and_starts_alike(examples, tmp_path):
    model = VAE((8, 8, 1), 3, width=8, seed=0)
    classifier = classifier_of(model, 3, frozen=False)
    assert same(weights(classifier), weights(classifier_of(model, 3, frozen=False)))
    classifier.fit(*examples, verbose=0)
    classifier.save(tmp_path / "probe.keras")
    loaded = keras.models.load_model(tmp_path / "probe.keras")
    np.testing.assert_allclose(loaded(examples[0]), classifier(examples[0]), atol=1e-5)


def test_frozen_batch_statistics_stay(examples):
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), BatchNormalization(), keras.layers.Dense(6)],
        name="encoder",
    )
    model = VAE((8, 8, 1), 3, width=8, seed=0, encoder=encoder)
    for frozen in (True, False):
        classifier = classifier_of(model, 3, frozen)
        statistics = weights(classifier.get_layer("encoder"))
        classifier.run_eagerly = True  # of one step
        classifier.fit(*examples, batch_size=60, verbose=0)
        assert same(weights(classifier.get_layer("encoder")), statistics) == frozen


def test_bad_input_is_named():
    image = dict(image_shape=(8, 8, 1), latent_dim=3, width=8)
    for call, line in (
        (lambda: classifier_of(DCGAN(**image), 3), "DCGAN has no encoder"),
        (lambda: classifier_of(VAE(**image), 1), "classes >= 2; received 1"),
    ):
        with pytest.raises(InputError, match=line):
            call()
