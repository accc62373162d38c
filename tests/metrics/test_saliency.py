"""Scores of saliency on maps of nine pixels, worked by hand."""

import itertools

import numpy as np
import pytest
from data_cases import write_tfds

from tfgen import data
from tfgen.data.opening import open_source
from tfgen.errors import InputError
from tfgen.metrics import evaluate
from tfgen.metrics.saliency import auc_judd, cc, fixations_at, kl, nss, sim
from tfgen.models import SalGAN

# TFDS 4.9 reads a field of protobuf 6 that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated:DeprecationWarning")
MAP = np.reshape([0.0, 0.2, 0.4, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0], (1, 3, 3, 1))
OTHER = np.reshape([0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0], (1, 3, 3, 1))
FIXED = np.zeros((1, 3, 3, 1), bool)
FIXED[0, 1, 1] = FIXED[0, 0, 1] = True  # values 0.8 and 0.2


def test_maps_are_compared_as_densities():
    np.testing.assert_allclose(sim(MAP, OTHER, (0, 1)), 0.4 + 0.3, atol=1e-9)
    want = 0.5 * np.log(0.5 / 0.4) + 0.5 * np.log(0.5 / 0.3)
    np.testing.assert_allclose(kl(MAP, OTHER, (0, 1)), want, atol=1e-9)
    assert kl(OTHER, MAP, (0, 1))[0] > 5  # people look where the map says nobody does
    for score in (sim, kl):  # neither the range nor the strength of a map matters
        scaled = score(2 * MAP - 1, 2 * OTHER - 1, (-1, 1))
        np.testing.assert_allclose(scaled, score(MAP / 2, OTHER, (0, 1)), atol=1e-9)
    np.testing.assert_allclose([sim(MAP, MAP, (0, 1))[0], kl(MAP, MAP, (0, 1))[0]], [1, 0], atol=1e-9)
    black = np.zeros_like(MAP)
    assert np.isfinite([sim(black, OTHER, (0, 1)), kl(black, OTHER, (0, 1))]).all()


def test_correlation_and_standard_scores():
    flat = MAP.ravel()
    np.testing.assert_allclose(cc(MAP, OTHER), np.corrcoef(flat, OTHER.ravel())[0, 1], atol=1e-12)
    np.testing.assert_allclose(cc(MAP, 1 - 2 * MAP), -1, atol=1e-12)
    np.testing.assert_allclose(nss(MAP, FIXED), ((0.8 + 0.2) / 2 - flat.mean()) / flat.std(), atol=1e-12)
    one = np.full_like(MAP, 0.3)
    assert cc(one, MAP)[0] == nss(one, FIXED)[0] == 0


def test_the_area_is_that_of_a_curve_of_four_points():
    """At 0.8 no other pixel of seven is taken and one fixation of two; at 0.2 two others, 0.4 and 0.6, and
    both."""
    corners = [(0, 0), (0, 1 / 2), (2 / 7, 1), (1, 1)]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(corners))
    np.testing.assert_allclose(auc_judd(MAP, FIXED), area, atol=1e-12)
    np.testing.assert_allclose(auc_judd(np.float64(FIXED), FIXED), 1)
    np.testing.assert_allclose(auc_judd(np.ones_like(MAP), FIXED), 0.5)
    np.testing.assert_allclose(auc_judd(1 - FIXED, FIXED), 0.5)  # all or nothing: the curve is the diagonal
    both = np.concatenate([MAP, np.float64(FIXED)])
    np.testing.assert_allclose(auc_judd(both, np.concatenate([FIXED, FIXED])), [area, 1], atol=1e-12)


def test_points_are_pixels_once():
    fixations = fixations_at(np.array([[0.0, 0.99], [0.5, 0.5], [0.5, 0.6], [1.0, 0.0]]), 2, 3)
    want = np.zeros((2, 3, 1), bool)
    want[0, 2] = want[1, 1] = want[1, 0] = True
    np.testing.assert_array_equal(fixations, want)


def test_chance_is_half():
    rng = np.random.default_rng(0)
    noise = rng.uniform(size=(20, 30, 40, 1))
    fixations = rng.uniform(size=noise.shape) < 0.2
    assert auc_judd(noise, fixations).mean() == pytest.approx(0.5, abs=0.02)
    assert nss(noise, fixations).mean() == pytest.approx(0, abs=0.05)


@pytest.fixture(scope="module")
def looking(tmp_path_factory):
    """A TFDS set of four pictures of 16x16, their maps, and where people looked."""
    from tensorflow_datasets import features

    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("tfds")
    kinds = {
        "image": features.Image(shape=(16, 16, 3)),
        "saliency": features.Image(shape=(16, 16, 1)),
        "fixations": features.Tensor(shape=(None, 2), dtype=np.float32),
    }
    examples = [
        {
            "image": rng.integers(0, 256, (16, 16, 3), np.uint8),
            "saliency": rng.integers(0, 256, (16, 16, 1), np.uint8),
            "fixations": rng.uniform(size=(3 + k, 2)).astype("float32"),
        }
        for k in range(4)
    ]
    write_tfds(root, "looking", kinds, {"test": examples}, supervised_keys=("image", "saliency"))
    return str(root)


def test_a_model_of_saliency_is_scored_by_maps_and_by_fixations(looking):
    model = SalGAN(**SalGAN.tiny, seed=0)
    how = dict(data_dir=looking, download=False)
    names = ["cc", "sim", "kl", "auc_judd", "nss"]
    scores = {one.name: one for one in evaluate(model, "looking", metrics=names, seed=1, **how)}
    assert list(scores) == names
    assert [scores[name].better for name in names] == ["higher", "higher", "lower", "higher", "higher"]
    (batch,) = data.load("looking", "test", model, 4, drop_remainder=False, **how).as_numpy_iterator()
    maps = model.translate(batch["inputs"]).numpy()
    points = open_source("looking", "test", **how, names=["inputs", "images"]).fixations
    assert [len(one) for one in points] == [3, 4, 5, 6]
    fixed = np.stack([fixations_at(one, 16, 16) for one in points])
    for name, function in (("cc", cc), ("sim", sim), ("kl", kl)):
        want = function(maps, batch["images"], (0, 1)).mean()
        assert scores[name].value == pytest.approx(want, rel=1e-3, abs=1e-6), name
    for name, function in (("auc_judd", auc_judd), ("nss", nss)):
        assert scores[name].value == pytest.approx(function(maps, fixed).mean(), rel=1e-3, abs=1e-6), name


def test_without_fixations_there_are_no_scores_of_them():
    model = SalGAN(**SalGAN.tiny, seed=0)
    pictures = np.zeros((3, 16, 16, 3), np.uint8)
    arrays = {"test_inputs": pictures, "test_images": pictures[..., :1]}
    with pytest.raises(InputError, match=r"SalGAN has no nss; its metrics .* are .*cc, sim, kl"):
        evaluate(model, arrays, metrics=["nss"])
    with pytest.raises(InputError, match="SalGAN has no psnr"):
        evaluate(model, arrays, metrics=["psnr"])
