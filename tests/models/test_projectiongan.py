"""The projection is an inner product, the loss the hinge, the pace five to one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.layers import SpectralNormalization
from tfgen.models import ProjectionGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
LABELS = tf.constant([0, 1, 2, 0, 1, 2])


def build(**kwargs):
    return ProjectionGAN((8, 8, 1), classes=3, latent_dim=4, width=8, seed=0, **kwargs)


@pytest.mark.parametrize("body", ["convolutional", "dense"])
def test_the_score_is_f_of_phi_plus_the_inner_product(body):
    model = build(body=body)
    net, encoded = model.discriminator, model.conditions["labels"].encoded
    projection = net.get_layer("projection")
    parts = keras.Model(net.inputs, [*projection.input, net.output])
    v, phi, score = (x.numpy() for x in parts([IMAGES, encoded(LABELS)]))
    assert phi.shape[1] > 1
    f = score[:, 0] - (v * phi).sum(axis=1)
    last = next(layer for layer in net.layers if layer.weights and layer.output.shape[1:] == (1,))
    np.testing.assert_allclose(f, last(phi)[:, 0], atol=1e-5)
    # Neither phi nor f is told the class.
    other_v, same_phi, other = (x.numpy() for x in parts([IMAGES, encoded((LABELS + 1) % 3)]))
    np.testing.assert_allclose(same_phi, phi, rtol=1e-6)
    np.testing.assert_allclose(other[:, 0] - (other_v * phi).sum(axis=1), f, atol=1e-5)
    # One vector for each class, and different ones.
    np.testing.assert_allclose(v[:3], v[3:], rtol=1e-6)
    assert all(not np.allclose(v[i], v[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    np.testing.assert_allclose(model.score(IMAGES, LABELS), score, atol=1e-6)


def test_losses_are_the_hinge():
    model = build()
    real, fake = tf.constant([[2.0], [0.5], [-1.0]]), tf.constant([[-2.0], [-0.5], [1.0]])
    assert float(model.adversarial_loss.discriminator(real, fake)) == pytest.approx((0 + 0.5 + 2) / 3 * 2)
    assert float(model.adversarial_loss.generator(fake)) == pytest.approx(0.5)


def test_the_label_reaches_both_players():
    model = build()
    z, other = model.draw_codes(model.key_of(0), 6), (LABELS + 1) % 3
    gap = np.abs(model.generate(z, LABELS) - model.generate(z, other)).reshape(6, -1).max(axis=1)
    assert (gap > 1e-4).all()
    assert (np.abs(model.score(IMAGES, LABELS) - model.score(IMAGES, other)) > 1e-4).all()


def test_the_generator_moves_in_every_fifth_step():
    model = build()
    model.compile()
    for _ in range(10):
        model.train_on_batch(IMAGES, LABELS)
    assert int(model.optimizers["generator"].iterations) == 2
    assert int(model.optimizers["discriminator"].iterations) == 10
    for optimizer in model.optimizers.values():
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (
            pytest.approx(2e-4), 0.0, 0.9)  # fmt: skip


def test_every_layer_is_spectrally_normalised_and_power_iteration_follows_the_discriminator():
    net = (model := build()).discriminator
    normalised = [layer for layer in net.layers if isinstance(layer, SpectralNormalization)]
    assert {id(v) for layer in normalised for v in layer.trainable_variables} == {
        id(v) for v in net.trainable_variables
    }
    assert net.get_layer("embed") in normalised
    directions = lambda: [layer.u.numpy() for layer in normalised]  # noqa: E731
    start = directions()
    model.generator_objective(step_of(model, IMAGES, LABELS))
    model.discriminator_objective(step_of(model, IMAGES, LABELS, training=False))
    assert all(np.array_equal(a, b) for a, b in zip(start, directions()))
    for _ in range(100):
        model.discriminator_objective(step_of(model, IMAGES, LABELS))
    v, _ = net.get_layer("projection").input
    vectors = keras.Model(net.inputs[1], v)(np.eye(3, dtype="float32"))
    assert np.linalg.norm(vectors, 2) == pytest.approx(1, abs=1e-3)


def test_bad_labels_and_classes_are_named():
    with pytest.raises(InputError, match=r"labels of ProjectionGAN lie in 0\.\.2; received 3 to 3"):
        build().sample(2, labels=3)
    with pytest.raises(InputError, match="ProjectionGAN needs classes >= 2; received 1"):
        ProjectionGAN(classes=1)
