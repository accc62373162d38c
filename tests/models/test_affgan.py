"""AffGAN: the projection holds whatever the weights are, the generator's loss is KL(q || p)."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.degradation import bicubic
from tfgen.errors import InputError
from tfgen.models import AffGAN
from tfgen.models.superresolution.affgan import KERNELS, pseudo_inverse

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (3, 16, 16, 3)).astype("float32")
LOW = RNG.uniform(-1, 1, (3, 5, 7, 3)).astype("float32")


def build(wild=0, **kwargs):
    """A model whose every weight is moved by N(0, wild^2)."""
    model = AffGAN(**{**AffGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    rng = np.random.default_rng(1)
    model.generator.set_weights(
        [w if "variance" in v.name else w + rng.normal(0, wild, w.shape)
         for v, w in zip(model.generator.weights, model.generator.get_weights())]
    )  # fmt: skip
    return model


def matrix(model, size):
    """A of one channel, (size^2 / 16, size^2), by its columns."""
    units = np.eye(size * size, dtype="float32").reshape(-1, size, size, 1)
    return np.reshape(model.low_resolution(units), (size * size, -1)).T.astype("float64")


def misses(model, low):
    return np.abs(model.low_resolution(model.upscale(low)) - low).max()


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_made_is_what_was_given_once_it_is_made_small(kernel):
    model = build(wild=0.1, kernel=kernel)
    made = model.upscale(LOW).numpy()
    assert made.shape == (3, 20, 28, 3) and np.abs(made).max() > 1.5  # it is not cut
    assert misses(model, LOW) < 1e-5
    model.fit(np.tile(IMAGES, (3, 1, 1, 1))[:8], batch_size=4, verbose=0)
    assert misses(model, LOW) < 1e-5
    assert misses(build(wild=0.1, kernel=kernel, projection=False), LOW) > 0.1


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_projection_goes_to_the_nearest_solution(kernel):
    model = build(kernel=kernel)
    a, low = matrix(model, 8), LOW[:, :2, :2]
    images = RNG.normal(size=(3, 8, 8, 3)).astype("float32")
    once = model.projected(images, low).numpy()
    np.testing.assert_allclose(model.projected(once, low), once, atol=1e-5)
    inverse = np.linalg.pinv(a)
    np.testing.assert_allclose(
        np.reshape(model.least(np.eye(4, dtype="float32").reshape(4, 2, 2, 1)), (4, 64)).T, inverse, atol=1e-6
    )
    for channel in range(3):
        x, y = images[..., channel].reshape(3, -1), low[..., channel].reshape(3, -1)
        want = x - (x @ a.T - y) @ inverse.T
        np.testing.assert_allclose(once[..., channel].reshape(3, -1), want, atol=1e-5)


def test_a_network_of_zeros_gives_the_least_solution():
    model, plain = build(), build(projection=False)
    for net in (model, plain):
        net.generator.set_weights([0 * w for w in net.generator.get_weights()])
    np.testing.assert_array_equal(model.upscale(LOW), np.repeat(np.repeat(LOW, 4, axis=1), 4, axis=2))
    np.testing.assert_array_equal(plain.upscale(LOW), np.zeros((3, 20, 28, 3)))


def test_images_are_made_small_by_the_kernel():
    box, smooth = build(), build(kernel="bicubic")
    blocks = IMAGES.reshape(3, 4, 4, 4, 4, 3)
    np.testing.assert_allclose(box.low_resolution(IMAGES), blocks.mean(axis=(2, 4)), atol=1e-6)
    np.testing.assert_array_equal(smooth.low_resolution(IMAGES), bicubic(IMAGES, 4, 4))
    a = pseudo_inverse(24, 6)
    assert a.shape == (24, 6)


def test_the_generators_loss_is_the_divergence_at_the_best_discriminator():
    """Of q = N(m, 1) and p = N(0, 1): KL(q || p) = m^2 / 2, with the logit log p / q = m^2 / 2 - m x."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    # A mean over places that a quadrature's weights repeat: 10,000 values in all.
    counts = np.rint(weights / weights.sum() * 1e4).astype(int)
    standard = np.repeat(nodes, counts)
    for m in (0.5, 1.5):
        logit = lambda x, m=m: tf.constant((m**2 / 2 - m * x).reshape(-1, 1))  # noqa: E731
        fake, real = logit(standard + m), logit(standard)
        loss = AffGAN.adversarial_loss.generator(fake)
        assert float(loss) == pytest.approx(m**2 / 2, rel=1e-2)
        best = AffGAN.adversarial_loss.discriminator(real, fake)
        for other in (1.05, 0.95):
            assert best < AffGAN.adversarial_loss.discriminator(other * real, other * fake)
        assert best < AffGAN.adversarial_loss.discriminator(real + 0.05, fake + 0.05)


def test_the_losses_are_of_noisy_images_both_real_and_made(monkeypatch):
    model = build(noise=0.5, noise_steps=100)
    model.step.assign(50)
    seen = []
    score = type(model).score
    monkeypatch.setattr(type(model), "score", lambda self, x, t=False: seen.append(x) or score(self, x, t))
    step = step_of(model, IMAGES)
    fakes = model.fakes(step)
    loss, _ = model.discriminator_objective(step)
    real, fake = (x.numpy() - np.asarray(clean) for x, clean in zip(seen, (IMAGES, fakes)))
    for noise in (real, fake):
        assert noise.std() == pytest.approx(0.25, rel=0.1)  # half of the steps are over
    assert abs(np.corrcoef(real.ravel(), fake.ravel())[0, 1]) < 0.1
    logits = [score(model, x, True).numpy() for x in seen]
    want = np.mean(np.log1p(np.exp(-logits[0]))) + np.mean(np.log1p(np.exp(logits[1])))
    assert float(loss) == pytest.approx(want, rel=1e-5)
    loss, _ = model.generator_objective(step)
    assert float(loss) == pytest.approx(-np.mean(score(model, seen[2], True)), rel=1e-5)
    np.testing.assert_array_equal(seen[2], seen[1])  # what the discriminator has seen

    def noise_of(step):
        return np.abs(model.noisy(step, step.batch["images"], "noise_real") - IMAGES).max()

    model.step.assign(100)
    assert noise_of(step_of(model, IMAGES)) == 0
    model.step.assign(0)
    assert noise_of(step_of(model, IMAGES)) > 0.5
    assert noise_of(step_of(model, IMAGES, training=False)) == 0


def test_the_squared_error_has_no_discriminator():
    model = build(criterion="mse", noise=0.5)
    assert list(model.objectives()) == ["generator"] and model.games() == []
    step = step_of(model, IMAGES)
    loss, _ = model.squared_error(step)
    made = model.upscaled(model.low_resolution(IMAGES), training=True)
    assert float(loss) == pytest.approx(np.mean((IMAGES - made) ** 2), rel=1e-4)
    model.fit(IMAGES, batch_size=3, verbose=0)


def test_samples_are_cut_to_the_range_and_translations_are_not():
    model = build(wild=0.1)
    low = LOW[:, :4, :4]
    made = model.translate(low).numpy()
    assert np.abs(made).max() > 1.5
    np.testing.assert_allclose(model.sample(3, inputs=low), np.clip(made, -1, 1), atol=1e-5)
    np.testing.assert_array_equal(model.upscale(low), made)


def test_the_bicubic_projection_is_exported_at_the_size_of_training():
    model = build(kernel="bicubic")
    method, (spec,) = model.signatures()["translate"]
    assert spec.shape.as_list() == [None, 4, 4, 3] and model.reach is None
    traced = tf.function(method, input_signature=[spec])
    np.testing.assert_allclose(traced(LOW[:, :4, :4]), model.translate(LOW[:, :4, :4]), atol=1e-5)
    free = build(kernel="bicubic", projection=False)
    assert free.signatures()["translate"][1][0].shape.as_list() == [None, None, None, 3]


def test_tiles_are_the_whole():
    model = build(wild=0.1)
    low = RNG.uniform(-1, 1, (1, 30, 9, 3)).astype("float32")
    np.testing.assert_allclose(model.upscale(low, tile=6), model.upscale(low), atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernel": "gauss"}, "unknown kernel 'gauss'; known are box, bicubic"),
        ({"criterion": "l1"}, "unknown criterion 'l1'; "),
        ({"noise": -1.0}, "noise must be 0 or more"),
        ({"image_shape": (18, 16, 3)}, "multiples of 4"),
        ({"criterion": "mse", "discriminator": object()}, "has no discriminator"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        build(**arguments)
