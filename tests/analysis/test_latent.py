"""What one does with codes, on models whose codes are known."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfgen import priors
from tfgen.analysis import latent
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models import CVAE, DCGAN, VAE, InfoGAN, PixelCNN
from tfgen.models.abilities import Codes


class Plain(Codes):
    """A model whose images (n, 1, size, 1) are its codes."""

    label_spec = None
    prior = priors.Normal()

    def __init__(self, size, **others):
        self.latent_dim = size
        self.fields = {"images": Image((1, size, 1), 0.0, 1e3)}
        self.decode = lambda z: np.reshape(z, (-1, 1, size, 1))
        self.encode = lambda images: np.reshape(images, (-1, size))
        vars(self).update(others)


@pytest.fixture(scope="module")
def vae():
    return VAE((8, 8, 1), latent_dim=3, width=8, body="dense", seed=0)


@pytest.fixture(scope="module")
def cvae():
    return CVAE((8, 8, 1), classes=4, latent_dim=3, width=8, seed=0)


@pytest.fixture(scope="module")
def gan():
    return DCGAN((8, 8, 1), latent_dim=3, width=8, seed=0)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).uniform(size=(600, 8, 8, 1)).astype("float32")


def test_codes_are_those_that_sample_decodes(vae, gan):
    for model, images in ((vae, vae.sample(5, seed=3)), (gan, gan.sample(5, seed=3))):
        np.testing.assert_allclose(latent.decode(model, latent.codes(model, 5, seed=3)), images, atol=1e-6)
    assert not np.allclose(latent.codes(vae, 5, seed=3), latent.codes(vae, 5, seed=4))


def test_many_rows_are_decoded_and_encoded_as_few_are(vae, pictures):
    z = latent.encode(vae, pictures)
    np.testing.assert_allclose(z[550:], vae.encode(pictures[550:]), atol=1e-6)
    images = latent.decode(vae, z.reshape(20, 30, 3))
    assert images.shape == (20, 30, 8, 8, 1)
    np.testing.assert_allclose(images[19, 25:], vae.decode(z[595:]), atol=1e-6)


def test_a_linear_way_has_even_steps_between_its_ends():
    way = latent.interpolate(Plain(2), np.array([[0.0, 1], [5, 5]]), np.array([[4.0, 3], [5, 7]]), 5)
    np.testing.assert_allclose(way[0, :, 0, :, 0], [[0, 1], [1, 1.5], [2, 2], [3, 2.5], [4, 3]])
    np.testing.assert_allclose(way[1, :, 0, 1, 0], [5, 5.5, 6, 6.5, 7])


def test_a_spherical_way_goes_along_the_circle_with_even_angles():
    a, b = np.array([[2.0, 0, 0]]), np.array([[0, 2.0, 0]])
    way = latent.interpolate(Plain(3), a, b, 7, "spherical")[0, :, 0, :, 0]
    angles = np.linspace(0, np.pi / 2, 7)
    np.testing.assert_allclose(way, 2 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1), atol=1e-6)
    # The paper's formula, for codes of different length.
    b = np.array([[1.0, 1.0, 0]])
    way = latent.interpolate(Plain(3), a, b, 3, "spherical")[0, :, 0, :, 0]
    np.testing.assert_allclose(way[1], (a + b)[0] * np.sin(np.pi / 8) / np.sin(np.pi / 4), atol=1e-6)
    np.testing.assert_allclose(way[[0, 2]], [a[0], b[0]], atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-12, 2.0, 0.0, -1.0, -1 - 1e-9])
def test_a_spherical_way_between_parallel_codes_is_linear(factor):
    a = np.array([[3.0, -4.0, 1e-3]])
    ways = [latent.interpolate(Plain(3), a, factor * a, 5, kind) for kind in latent.KINDS]
    np.testing.assert_allclose(ways[0], ways[1], atol=1e-5)


def test_a_spherical_way_of_a_tiny_angle_does_not_lose_it():
    a, b = np.array([[1.0, 0.0]]), np.array([[1.0, 1e-5]])
    way = latent.interpolate(Plain(2), a, b, 5, "spherical")[0, :, 0, 1, 0]
    np.testing.assert_allclose(way, np.linspace(0, 1e-5, 5), rtol=1e-5, atol=0)


def test_ways_between_images_go_between_their_codes(vae, pictures):
    a, b = pictures[:2], pictures[2:4]
    ways = latent.interpolate(vae, a, b, 3, "spherical")
    assert ways.shape == (2, 3, 8, 8, 1)
    np.testing.assert_allclose(ways[:, 0], vae.reconstruct(a), atol=1e-6)
    np.testing.assert_allclose(ways[:, 2], vae.reconstruct(b), atol=1e-6)
    np.testing.assert_allclose(latent.interpolate(vae, a[1], b[1], 3, "spherical"), ways[1], atol=1e-6)


def test_a_traversal_moves_one_dimension_at_a_time():
    rows = latent.traverse(Plain(3), [5.0, 6, 7], dimensions=[2, 0], values=[-1, 0.5])
    np.testing.assert_array_equal(rows[:, :, 0, :, 0], [[[5, 6, -1], [5, 6, 0.5]], [[-1, 6, 7], [0.5, 6, 7]]])
    assert latent.traverse(Plain(3), [5.0, 6, 7]).shape == (3, 9, 1, 3, 1)


def test_a_manifold_has_equal_shares_of_the_prior():
    grid = latent.manifold(Plain(2), side=4)[:, :, 0, :, 0]
    shares = scipy.stats.norm.cdf(grid)
    np.testing.assert_allclose(shares[..., 0], np.tile([0.125, 0.375, 0.625, 0.875], (4, 1)), atol=1e-6)
    np.testing.assert_allclose(shares[..., 1], shares[..., 0].T, atol=1e-6)


def test_traversals_and_manifolds_follow_the_prior():
    model = Plain(2, prior=priors.Uniform(-1, 1))
    moved = latent.traverse(model, np.zeros(2))[..., 0]
    np.testing.assert_allclose(moved[0, :, 0, 0], np.linspace(-0.9973, 0.9973, 9), atol=1e-4)
    np.testing.assert_allclose(
        latent.manifold(model, 4)[0, :, 0, 0, 0], [-0.75, -0.25, 0.25, 0.75], atol=1e-6
    )
    infogan = InfoGAN((8, 8, 1), width=8, seed=0)
    ends = []
    infogan.generate = lambda z: ends.append(np.asarray(z)) or np.zeros((len(z), 8, 8, 1))
    latent.traverse(infogan, np.zeros(infogan.latent_dim))
    z = np.concatenate(ends).reshape(infogan.latent_dim, 9, infogan.latent_dim)
    lows, highs = (np.diagonal(z[:, at]) for at in (0, -1))
    assert lows.min() > -1 and highs.max() <= 1 and 0 in lows  # a category is 0 or 1


def test_bytes_and_float64_have_the_codes_of_their_images(vae):
    bytes_ = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), "uint8")
    want = latent.encode(vae, (bytes_ / 255).astype("float32"))
    np.testing.assert_allclose(latent.encode(vae, bytes_), want, atol=1e-5)
    np.testing.assert_allclose(latent.encode(vae, bytes_ / 255), want, atol=1e-5)
    np.testing.assert_allclose(latent.reconstructions(vae, bytes_)[:, 0], bytes_ / 255, atol=1e-6)
    with pytest.raises(InputError, match=r"VAE takes images in \[0, 1\]; received 0 to 255"):
        latent.encode(vae, bytes_.astype("float32"))


def test_arithmetic_is_of_means():
    a, b, c = np.array([[1.0, 2], [3, 4]]), np.array([[10.0, 10]]), np.array([[0.0, 1], [0, 3]])
    row = latent.arithmetic(Plain(2), a, b, c)[:, 0, :, 0]
    np.testing.assert_allclose(row, [[2, 3], [10, 10], [0, 2], [-8, -5]])
    images = [x.reshape(-1, 1, 2, 1) for x in (a, b, c)]
    np.testing.assert_allclose(latent.arithmetic(Plain(2), *images)[:, 0, :, 0], row)


def test_an_attribute_s_vector_is_the_difference_of_means():
    z = np.array([[1.0, 0], [3, 0], [0, 8], [0, 4]])
    images = z.reshape(-1, 1, 2, 1)
    np.testing.assert_allclose(latent.attribute_vector(Plain(2), images, [1, 1, 0, 0]), [2, -6])
    both = latent.attribute_vector(Plain(2), images, np.array([[1, 1, 0, 0], [0, 0, 0, 1]], bool).T)
    np.testing.assert_allclose(both, [[2, -6], [-4 / 3, 4 - 8 / 3]])


def test_reconstructions_stand_beside_the_truth(vae, pictures):
    pairs = latent.reconstructions(vae, pictures[:5])
    np.testing.assert_array_equal(pairs[:, 0], pictures[:5])
    np.testing.assert_allclose(pairs[:, 1], vae.reconstruct(pictures[:5]), atol=1e-6)


def test_neighbours_are_the_nearest_however_the_images_come(vae, pictures):
    samples = pictures[[7, 400]] + np.float32([0, 1e-3])[:, None, None, None]
    found, distances, numbers = latent.neighbours(samples, pictures, k=4)
    away = np.linalg.norm((samples[:, None] - pictures).reshape(2, 600, -1).astype("float64"), axis=-1)
    np.testing.assert_array_equal(numbers, np.argsort(away, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(away, axis=1)[:, :4])
    assert numbers[0, 0] == 7 and distances[0, 0] == 0 and numbers[1, 0] == 400
    np.testing.assert_array_equal(found, pictures[numbers])
    batches = tf.data.Dataset.from_tensor_slices((pictures, tf.range(600))).batch(3)
    for streamed, whole in zip(
        latent.neighbours(samples, batches, k=4), (found, distances, numbers), strict=True
    ):
        np.testing.assert_allclose(streamed, whole)
    by_code = latent.neighbours(samples, pictures, 4, vae.encode)[2]
    z = np.linalg.norm(vae.encode(samples)[:, None] - vae.encode(pictures)[None], axis=-1)
    np.testing.assert_array_equal(by_code, np.argsort(z, axis=1)[:, :4])
    assert not np.array_equal(by_code, numbers)


def test_labels_go_with_their_rows(cvae, pictures):
    z, labels = latent.codes(cvae, 2, seed=0), np.array([1, 3])
    ways = latent.interpolate(cvae, z, z[::-1], 3, labels=labels)
    np.testing.assert_allclose(ways[:, 0], cvae.decode(z, labels), atol=1e-6)
    np.testing.assert_allclose(ways[:, 2], cvae.decode(z[::-1], labels), atol=1e-6)
    images = latent.reconstructions(cvae, pictures[:2], labels)
    np.testing.assert_allclose(images[:, 1], cvae.reconstruct(pictures[:2], labels), atol=1e-6)
    rows = latent.traverse(cvae, z[0], [0], z[:1, 0], labels=3)
    np.testing.assert_allclose(rows[0], cvae.decode(z[:1], np.array([3])), atol=1e-6)
    assert latent.manifold(CVAE((8, 8, 1), 4, latent_dim=2, width=8), 2, labels=1).shape == (2, 2, 8, 8, 1)


def test_bad_input_is_named(vae, cvae, gan, pictures):
    z = np.zeros((2, 3))
    pixels = PixelCNN((4, 4, 1), levels=2, width=4, depth=1)
    for call, line in (
        (lambda: latent.decode(pixels, z), "PixelCNN has no codes that it decodes"),
        (lambda: latent.codes(pixels, 2), "PixelCNN has no codes that it decodes"),
        (lambda: latent.encode(gan, pictures), "DCGAN has no encoder"),
        (lambda: latent.encode(vae, pictures[0]), r"takes images .*\(n, 8, 8, 1\).*; received \(8, 8, 1\)"),
        (lambda: latent.decode(vae, z[:, :2]), r"codes of size 3; received z of shape \(2, 2\)"),
        (lambda: latent.decode(gan, np.zeros((2, 5))), "DCGAN has codes of size 3"),
        (lambda: latent.decode(vae, z[:0]), "at least one row"),
        (lambda: latent.decode(vae, z, labels=[1, 1]), "VAE is not conditional; omit `labels`"),
        (lambda: latent.decode(cvae, z), "CVAE is conditional; give labels"),
        (lambda: latent.decode(cvae, z, labels=[1, 4]), r"labels of CVAE lie in 0\.\.3"),
        (lambda: latent.interpolate(vae, z, z, kind="sphericl"), "did you mean spherical"),
        (lambda: latent.interpolate(vae, z, z, steps=1), "steps >= 2; received 1"),
        (lambda: latent.interpolate(vae, z, z[:1]), "two ends of one shape"),
        (lambda: latent.traverse(vae, z), r"received z of shape \(2, 3\)"),
        (lambda: latent.traverse(vae, z[0], [3]), "are 0 to 2; received 3"),
        (lambda: latent.manifold(vae), "codes of size 2; this VAE has 3"),
        (lambda: latent.manifold(Plain(2), 0), "side >= 1"),
        (lambda: latent.attribute_vector(vae, pictures[:2], [1, 1]), "attribute 0 is 1 in all 2 images"),
        (lambda: latent.attribute_vector(vae, pictures[:2], [1, 2]), r"0 or 1, of shape \(2,\)"),
        (lambda: latent.attribute_vector(vae, pictures[:2], [1]), r"received shape \(1,\)"),
        (lambda: latent.neighbours(pictures[:1], pictures, 601), r"k must lie in 1\.\.600"),
        (lambda: latent.neighbours(pictures[:1], pictures, 0), r"k must lie in 1\.\.600"),
        (lambda: latent.neighbours(pictures[:1, :4], pictures), r"samples are \(4, 8, 1\)"),
    ):
        with pytest.raises(InputError, match=line):
            call()
