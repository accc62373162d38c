"""Codes are searched: on a linear model whose best codes are known, and on small networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import priors
from tfgen.analysis import blending, latent, search
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.metrics import outlier_scores
from tfgen.models import CGAN, GAN, GAN3D, LSGAN, VAE, WGAN, BigGAN, InfoGAN, PixelCNN, ProjectionGAN
from tfgen.models.abilities import Latents

RNG = np.random.default_rng(0)


class Linear(Latents):
    """G(z) = B z, images of 4x4."""

    label_spec = None
    latent_dim = 3
    value_range = (-99.0, 99.0)

    def __init__(self, prior=priors.Normal()):
        self.basis = RNG.normal(size=(16, 3)).astype("float32")
        self.prior = prior
        self.fields = {"images": Image((4, 4, 1), -99.0, 99.0)}

    def generate(self, z):
        return tf.reshape(tf.matmul(z, self.basis.T), (-1, 4, 4, 1))


@pytest.fixture(scope="module")
def linear():
    return Linear()


@pytest.fixture(scope="module")
def gan():
    return LSGAN((8, 8, 1), latent_dim=3, width=16, body="dense", seed=0)


@pytest.fixture(scope="module")
def made(gan):
    return gan.sample(3, seed=5).numpy()


HALF = np.float32(np.indices((8, 8))[1] < 4)


def test_the_codes_are_those_of_least_squares(linear):
    images = RNG.normal(size=(5, 4, 4, 1)).astype("float32")
    mask = np.float32(RNG.random((5, 4, 4, 1)) < 0.6)
    found = search.inpaint(linear, images, mask, "squares", prior=0.0, blend=False, starts=1)
    whole = search.project(linear, images)
    for x, m, z, all_of_it in zip(images, mask, found.z, whole.z):
        known = m.ravel() > 0
        np.testing.assert_allclose(
            z, np.linalg.lstsq(linear.basis[known], x.ravel()[known], rcond=None)[0], atol=1e-3
        )
        np.testing.assert_allclose(
            all_of_it, np.linalg.lstsq(linear.basis, x.ravel(), rcond=None)[0], atol=1e-3
        )
    np.testing.assert_array_equal(found.images[mask > 0], images[mask > 0])
    np.testing.assert_array_equal(found.images[mask == 0], found.generated[mask == 0])
    errors = ((found.generated - images) ** 2 * mask).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found.losses, errors, rtol=1e-4)


def test_without_a_discriminator_the_prior_draws_to_the_middle(linear):
    """z of least |B z - x|^2 + |z|^2 / 2."""
    images = RNG.normal(size=(2, 4, 4, 1)).astype("float32")
    found = search.inpaint(linear, images, np.ones((4, 4)), "squares", starts=1)
    ridge = np.linalg.solve(linear.basis.T @ linear.basis + np.eye(3) / 2, linear.basis.T)
    np.testing.assert_allclose(found.z, images.reshape(2, 16) @ ridge.T, atol=1e-3)


def test_codes_of_a_uniform_prior_stay_within_it():
    model = Linear(priors.Uniform(-0.5, 0.5))
    far = model.generate(np.float32([[1, 0.2, -1]])).numpy()
    (z,) = search.project(model, far, steps=200).z
    assert z.min() == -0.5 and z.max() == 0.5


def test_a_row_is_searched_for_itself_and_the_model_stays(gan, made):
    before = gan.get_weights()
    start = np.zeros((3, 3), "float32")
    together = search.inpaint(gan, made, HALF, starts=1, steps=60, start=start)
    for k in range(3):
        alone = search.inpaint(gan, made[k : k + 1], HALF, starts=1, steps=60, start=start[k : k + 1])
        np.testing.assert_allclose(alone.z[0], together.z[k], atol=1e-4)
        np.testing.assert_allclose(alone.losses[0], together.losses[k], atol=1e-5)
    first, again = (search.project(gan, made[:count], steps=20, seed=3) for count in (1, 3))
    np.testing.assert_allclose(first.z[0], again.z[0], atol=1e-4)
    for a, b in zip(gan.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_that_the_model_makes_are_found_and_more_steps_or_starts_are_no_worse(gan, made):
    few, several = (search.project(gan, made, steps=10, starts=starts).losses for starts in (1, 3))
    first = search.project(gan, made, steps=1, rate=0.0).losses
    assert (few <= first).all() and (several <= few).all()
    assert (search.project(gan, made, steps=300, starts=4).losses < 1e-3 * first).all()


def test_what_is_hidden_has_no_influence_and_what_is_known_stays(gan, made):
    other = made.copy()
    other[:, HALF == 0] = -1
    ours, theirs = (search.inpaint(gan, images, HALF, steps=20, starts=1) for images in (made, other))
    np.testing.assert_array_equal(ours.images, theirs.images)
    np.testing.assert_array_equal(ours.images[:, HALF > 0], made[:, HALF > 0])
    blended = blending.poisson(ours.generated, made, 1 - HALF)
    np.testing.assert_allclose(ours.images, np.clip(blended, -1, 1), atol=1e-5)


def test_the_context_weighs_pixels_by_the_hidden_ones_near_them():
    known = np.ones((1, 64, 64, 1), "float32")
    known[:, 16:48, 16:48] = 0
    weights = search.near_hidden(known).numpy()[0, :, :, 0]
    assert weights[30, 15] == pytest.approx(21 / 49) and weights[15, 15] == pytest.approx(9 / 49)
    assert weights[30, 12] == 0 and weights[30, 30] == 0
    known[:, 0, 1] = 0
    assert search.near_hidden(known).numpy()[0, 0, 0, 0] == pytest.approx(1 / 16)  # a corner has 16 near


def test_the_discriminators_judgement_is_finite_where_it_is_sure(monkeypatch):
    images = tf.zeros((2, 8, 8, 1))
    critic, minimax = WGAN(**WGAN.tiny, seed=0), GAN(**GAN.tiny, seed=0)
    for model, want, slope in (
        (minimax, -np.logaddexp(0, [50.0, -1.0]), [-1, -0.26894]),
        (critic, [-50.0, 1.0], -1),
    ):
        scores = tf.Variable([[50.0], [-1.0]])
        monkeypatch.setattr(model, "score", lambda images, scores=scores: scores.read_value())
        with tf.GradientTape() as tape:
            judged = search._prior(model)(None, images)
        np.testing.assert_allclose(judged, want, rtol=1e-6)
        np.testing.assert_allclose(tape.gradient(judged, scores)[:, 0], np.broadcast_to(slope, 2), rtol=1e-4)


def test_a_conditional_model_is_searched_among_its_labels():
    model = CGAN((8, 8, 1), classes=3, latent_dim=3, width=8, seed=0)
    images = model.sample(2, seed=1, labels=[2, 0]).numpy()
    right, wrong = (search.project(model, images, labels, steps=200).losses for labels in ([2, 0], [1, 1]))
    assert (right < 0.1 * wrong).all()
    found = search.inpaint(model, images, HALF, labels=[2, 0], steps=5)
    assert found.images.shape == (2, 8, 8, 1)
    with pytest.raises(InputError, match="CGAN is conditional; give labels"):
        search.project(model, images)


def test_a_fitted_inverse_is_a_start(gan, made):
    guess, same = (search.fit_inverse(gan, steps=steps, batch_size=32, width=8) for steps in (150, 150))
    for a, b in zip(guess.get_weights(), same.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-5)
    z = latent.codes(gan, 64, seed=7)
    images = gan.generate(z).numpy()
    assert np.mean((guess(images).numpy() - z) ** 2) < 0.7 * np.mean(z**2)
    start = guess(made).numpy()
    fed = ((latent.decode(gan, start) - made) ** 2).sum(axis=(1, 2, 3))
    hybrid = search.project(gan, made, steps=20, start=start)
    assert (hybrid.losses < fed).all()


class Flat(Linear):
    """G(z) = (z1, z2, 0), images of 1x3."""

    latent_dim = 2

    def __init__(self):
        self.prior = priors.Normal()
        self.fields = {"images": Image((1, 3, 1), -99.0, 99.0)}

    def generate(self, z):
        return tf.reshape(tf.pad(z, ((0, 0), (0, 1))), (-1, 1, 3, 1))


def test_what_a_model_cannot_make_is_what_is_unusual():
    images = np.float32([[0.5, -0.3, 0.7], [-1, 0.2, -0.4]]).reshape(2, 1, 3, 1)
    found = search.unusual(Flat(), images, weight=0, steps=800, rate=0.01)
    np.testing.assert_allclose(found.z, images[:, 0, :2, 0], atol=0.02)
    np.testing.assert_allclose(found.losses, [0.7, 0.4], atol=0.04)
    np.testing.assert_allclose((images - found.images)[:, 0, 2, 0], images[:, 0, 2, 0], atol=1e-6)


def test_an_image_of_the_model_is_usual_from_its_own_code_on(gan):
    z = gan.latents_from_seed(5, 3).numpy()
    found = search.unusual(gan, gan.generate(z), start=z, steps=3)
    np.testing.assert_allclose(found.losses, 0, atol=1e-4)
    np.testing.assert_array_equal(found.z, z)


def test_pixels_and_features_of_the_discriminator_are_weighed(gan, made):
    images = np.clip(made + RNG.normal(0, 0.5, made.shape), -1, 1).astype("float32")
    last = [layer for layer in gan.discriminator.layers if layer.weights][-1]
    body = keras.Model(gan.discriminator.inputs[0], last.input)
    for weight in (0.0, 0.3, 1.0):
        found = search.unusual(gan, images, weight=weight, steps=2)
        pixels = np.abs(images - found.images).sum((1, 2, 3))
        features = np.abs(body(images) - body(found.images)).sum(1)
        np.testing.assert_allclose(found.losses, (1 - weight) * pixels + weight * features, rtol=1e-4)
        assert features.min() > 1e-3


def test_a_row_is_as_unusual_alone_and_more_steps_score_no_higher(gan, made):
    before = gan.get_weights()
    images = np.clip(made + RNG.normal(0, 0.5, made.shape), -1, 1).astype("float32")
    three = outlier_scores(gan, images, "search", steps=20, seed=3)
    assert three.dtype == np.float64 and three.shape == (3,)
    alone = outlier_scores(gan, images[:1], "search", steps=20, seed=3)
    np.testing.assert_allclose(alone, three[:1], rtol=1e-4)
    assert (outlier_scores(gan, images, "search", steps=60, seed=3) <= three).all()
    for a, b in zip(gan.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cls", [ProjectionGAN, BigGAN])
def test_a_projection_has_no_features_of_images_alone(cls):
    model = cls(**cls.tiny, seed=0)
    images = np.zeros((2, *model.image_shape), "float32")
    with pytest.raises(InputError, match=f"{cls.__name__} has no .* weight=0.1; give weight=0$") as error:
        search.unusual(model, images, [0, 1])
    assert "\n" not in str(error.value)


def test_a_conditional_model_finds_unusual_what_its_label_is_not():
    model = CGAN((8, 8, 1), classes=3, latent_dim=3, width=8, seed=0)
    z = model.latents_from_seed(1, 2).numpy()
    images = model.generate(z, [2, 0]).numpy()
    right, wrong = (search.unusual(model, images, labels, start=z, steps=3) for labels in ([2, 0], [0, 2]))
    np.testing.assert_allclose(right.losses, 0, atol=1e-4)
    assert (wrong.losses > 1e-2).all()


ONE = np.zeros((1, 8, 8, 1), "float32")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda gan: search.inpaint(gan, ONE, np.ones((4, 4))), "a mask has one of the shapes .*8, 8.*4, 4"),
        (lambda gan: search.inpaint(gan, ONE, np.zeros((8, 8))), "hides a whole image; leave some pixels"),
        (
            lambda gan: search.inpaint(gan, ONE, np.full((8, 8), 255)),
            "a mask is of 0 and 1; received",
        ),
        (lambda gan: search.inpaint(gan, ONE, HALF, "context2"), "unknown loss 'context2'.*context"),
        (lambda gan: search.unusual(gan, ONE, weight=1.1), r"weight must lie in \[0, 1\]; received 1.1"),
        (
            lambda gan: search.unusual(VAE((8, 8, 1), 3, width=8, body="dense"), ONE),
            "VAE has no discriminator that ends in a layer with weights, whose .*weight=0.1; give weight=0",
        ),
        (
            lambda gan: outlier_scores(VAE((8, 8, 1), 3, width=8, body="dense"), ONE, "elbo", steps=3),
            "elbo takes no steps, which are options of a search",
        ),
        (lambda gan: search.project(gan, ONE, steps=0), "steps must be at least 1; received 0"),
        (lambda gan: search.project(gan, ONE, starts=0), "starts must be at least 1; received 0"),
        (
            lambda gan: search.project(gan, ONE, start=np.zeros((1, 4))),
            r"the shape \(1, 3\); received \(1, 4\)",
        ),
        (lambda gan: search.project(PixelCNN(**PixelCNN.tiny), ONE), "PixelCNN has no codes that it decodes"),
        (lambda gan: search.project(InfoGAN(**InfoGAN.tiny), ONE), "that of InfoGAN is parts"),
        (lambda gan: search.fit_inverse(CGAN((8, 8, 1), width=8)), "without conditions; CGAN has labels"),
    ],
)
def test_bad_input_is_one_line(gan, call, message):
    with pytest.raises(InputError, match=message) as error:
        call(gan)
    assert "\n" not in str(error.value)


def test_volumes_are_projected_and_not_inpainted():
    model = GAN3D(**GAN3D.tiny, seed=0)
    volumes = model.sample(2, seed=0).numpy()
    first, later = (search.project(model, volumes, steps=steps).losses for steps in (1, 30))
    assert later.shape == (2,) and (later < first).all()
    with pytest.raises(InputError, match=r"volumes, of shape \(2, 8, 8, 8, 1\), have project alone"):
        search.inpaint(model, volumes, HALF)


def test_a_vae_is_searched_too():
    vae = VAE((8, 8, 1), latent_dim=3, width=8, body="dense", seed=0)
    images = vae.sample(2, seed=0).numpy()
    found = search.inpaint(vae, images, HALF, "squares", prior=0.0, steps=150, starts=1)
    assert np.abs(found.images - images).max() < 0.05
