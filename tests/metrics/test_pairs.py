"""Scores of translations: distances of pairs against closed numbers, and `evaluate` of translators."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from translators import TINY, trained
from untrained import untrained

from tfgen import data, features, runs
from tfgen.cli import main
from tfgen.errors import InputError
from tfgen.metrics import Extractor, evaluate, label_maps
from tfgen.metrics.evaluation import LABEL_MAPS
from tfgen.metrics.pairs import feature_distance, l1, luminance, psnr, psnr_y, sharpness, ssim, ssim_y
from tfgen.models import SRResNet

GREY = np.zeros((2, 4, 4, 1), np.float32)


def test_distances_of_pairs_are_those_of_closed_numbers():
    near = GREY + np.float32([0.2, 0.02]).reshape(2, 1, 1, 1)  # a tenth and a hundredth of [-1, 1]
    np.testing.assert_allclose(l1(GREY, near, (-1, 1)), [0.1, 0.01], rtol=1e-6)
    np.testing.assert_allclose(psnr(GREY, near, (-1, 1)), [20, 40], rtol=1e-6)
    np.testing.assert_allclose(psnr(GREY, GREY, (-1, 1)), 100)
    half = GREY.copy()
    half[:, :2] = 1  # half of the pixels are off by 1 of [0, 1]
    np.testing.assert_allclose(l1(GREY, half, (0, 1)), 0.5)
    np.testing.assert_allclose(psnr(GREY, half, (0, 1)), 10 * np.log10(2))


def test_sharpness_is_of_the_steps_between_neighbours():
    """Of an edge that is blurred over two pixels a step of 1 becomes two halves, and nothing else counts."""
    edge = np.zeros((1, 5, 9, 1), np.float32)
    edge[:, :, 5:] = 1
    blurred = edge.copy()
    blurred[:, :, 4] = 0.5
    np.testing.assert_allclose(sharpness(edge, blurred, (0, 1)), -10 * np.log10(4 * (0.5 + 0.5) / (4 * 8)))
    np.testing.assert_allclose(sharpness(2 * edge - 1, 2 * blurred - 1, (-1, 1)), 10 * np.log10(8))
    # Both directions are added before they are compared: across or down, an edge is as sharp.
    down, across = np.zeros((2, 1, 6, 6, 1), np.float32)
    down[:, 3:], across[:, :, 3:] = 1, 1
    unlike = np.logical_xor.outer(np.arange(5) == 2, np.arange(5) == 2)
    np.testing.assert_allclose(sharpness(down, across, (0, 1)), -10 * np.log10(unlike.mean()))
    np.testing.assert_allclose(sharpness(edge, edge, (0, 1)), 100)
    np.testing.assert_allclose(sharpness(edge, 1 - edge, (0, 1)), 100)


def pictures(channels):
    """Three images and what is like them, in bytes: noise, blur, another contrast."""
    rng = np.random.default_rng(1)
    images = 255 * rng.random((3, 30, 34, channels)).cumsum(1).cumsum(2) / 600
    images = np.clip(images + rng.normal(0, 30, images.shape), 0, 255)
    noisy, blurred = images[0] + rng.normal(0, 12, images[0].shape), ndimage.uniform_filter(images[1], 3)
    others = np.stack([noisy, blurred, 0.8 * images[2] + 20])
    return tuple(np.rint(np.clip(x, 0, 255)).astype(np.uint8) for x in (images, others))


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_and_ssim_are_those_of_scikit_image(channels):
    images, others = pictures(channels)
    wang = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    theirs = [structural_similarity(x, y, channel_axis=-1, **wang) for x, y in zip(images, others)]
    np.testing.assert_allclose(ssim(images, others, (0, 255)), theirs, atol=1e-6)
    theirs = [peak_signal_noise_ratio(x, y, data_range=255) for x, y in zip(images, others)]
    np.testing.assert_allclose(psnr(images, others, (0, 255)), theirs, atol=1e-6)
    scaled = images / np.float32(127.5) - 1, others / np.float32(127.5) - 1
    np.testing.assert_allclose(ssim(*scaled, (-1, 1)), ssim(images, others, (0, 255)), atol=1e-5)
    np.testing.assert_allclose(ssim(images, images, (0, 255)), 1)


def test_the_luminance_is_the_studios():
    ends = np.float32([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0]]).reshape(1, 2, 2, 3)
    want = [16, 235, 16 + 65.481, 16 + 128.553]
    np.testing.assert_allclose(luminance(ends, (0, 1)).ravel(), want, atol=1e-9)
    np.testing.assert_allclose(luminance(ends[..., :1], (0, 1)).ravel(), [16, 235, 235, 16])
    near = luminance(np.full((1, 1, 1, 1), 0.4 / 255), (0, 1)), luminance(np.full((1, 1, 1, 1), 1.7), (0, 1))
    assert [y.item() for y in near] == [16, 235]  # rounded and clipped, as a file has it


def test_scores_of_luminance_leave_the_border_out():
    images, others = pictures(3)
    y, z = luminance(images, (0, 255))[:, 4:-4, 4:-4], luminance(others, (0, 255))[:, 4:-4, 4:-4]
    np.testing.assert_allclose(psnr_y(images, others, (0, 255)), psnr(y, z, (0, 255)))
    np.testing.assert_allclose(ssim_y(images, others, (0, 255)), ssim(y, z, (0, 255)))
    others[:, :4] = 0
    np.testing.assert_allclose(psnr_y(images, others, (0, 255)), psnr(y, z, (0, 255)))


def test_ssim_of_an_image_smaller_than_its_window_is_refused():
    with pytest.raises(InputError, match="a window of 11x11 pixels; received images of 10x30"):
        ssim(np.zeros((1, 10, 30, 1)), np.zeros((1, 10, 30, 1)), (0, 1))


def test_super_resolution_is_scored_on_whole_images_beside_bicubic(tmp_path):
    rng = np.random.default_rng(2)
    sizes = [(37, 30), (24, 45), (30, 30)]
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    for k, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{k}.png")
    model = SRResNet(**SRResNet.tiny, seed=0)
    names = ["psnr_y", "ssim_y"]
    found = evaluate(model, tmp_path, split="train", metrics=names, reference=True)
    scores = {score.name: score for score in found}
    assert list(scores) == ["psnr_y", "ssim_y", "psnr_y_bicubic", "ssim_y_bicubic"]
    wanted = []
    for image in images:
        height, width = (size // 4 * 4 for size in image.shape[:2])
        small = Image.fromarray(image[:height, :width]).resize((width // 4, height // 4), Image.BICUBIC)
        large = np.asarray(small.resize((width, height), Image.BICUBIC))[None]
        wanted.append(psnr_y(large, image[None, :height, :width], (0, 255)))
    assert scores["psnr_y_bicubic"].value == pytest.approx(np.mean(wanted), abs=0.01)
    assert scores["psnr_y"].value < scores["psnr_y_bicubic"].value  # it has learnt nothing
    assert scores["psnr_y"].better == "higher" and scores["psnr_y"].protocol["n_real"] == 3
    assert "whole images made small by 4, Y of 16..235" in scores["psnr_y"].protocol["compared"]
    with pytest.raises(InputError, match=r"SRResNet has no elbo; its metrics .* l1, psnr, psnr_y, ssim_y"):
        evaluate(model, tmp_path, split="train", metrics=["elbo"])


@pytest.fixture(scope="module", params=TINY)
def run(request, tmp_path_factory):
    with untrained():
        return trained(request.param, tmp_path_factory.mktemp("runs"))


def means():
    """An extractor of each image's mean and spread by channel."""

    def function(images):
        return np.concatenate([np.mean(images, (1, 2)), np.std(images, (1, 2))], axis=-1)

    return Extractor(
        name="means", sha256="", input_shape=(None, None, 3), value_range=(-1.0, 1.0), function=function
    )


def test_translations_of_the_inputs_are_compared_with_the_images(run, monkeypatch):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    seen = []

    def gather(extractor, model, batches):
        seen.append(np.concatenate([images for images, *_ in batches]))
        return None, seen[-1]

    monkeypatch.setattr("tfgen.metrics.evaluation._features", gather)
    monkeypatch.setattr("tfgen.metrics.evaluation._compared", lambda *given: [])
    evaluate(model, source, extractor=means(), metrics=["frechet"], seed=3, split="train")
    made, real = seen
    batch = data.examples(source, 8, model, split="train", seed=3)
    inputs, images = batch[model.source], batch[model.target]
    images = images[:6] if run.name == "cyclegan" else images  # each once, though an epoch has 8
    np.testing.assert_allclose(real, images, atol=1e-6)
    np.testing.assert_allclose(made, model.sample(8, seed=3, inputs=inputs), atol=1e-5)


def test_all_scores_of_samples_are_there(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    scores = {s.name: s for s in evaluate(model, source, split="train", extractor=means(), reference=True)}
    assert {"frechet", "kernel", "recall", "coverage", "two_sample_accuracy", "frechet_shuffled"} <= set(
        scores
    )
    assert ("psnr" in scores) == (run.name == "pix2pix")
    protocol = scores["frechet"].protocol
    assert (protocol["n_real"], protocol["n_fake"]) == ((8, 8) if run.name == "pix2pix" else (6, 8))


def test_images_of_an_evaluation_are_not_those_of_a_training(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    plain, much = (
        evaluate(model, source, split="train", extractor=means(), metrics=["frechet"], data=options)[0]
        for options in ({}, {"flip": True, "enlarge": 1.5, "repeat": 3})
    )
    assert plain.value == much.value and plain.protocol == much.protocol


def test_pairs_are_compared_one_by_one(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    if run.name == "cyclegan":
        with pytest.raises(InputError, match="CycleGAN has no psnr"):
            evaluate(model, source, metrics=["psnr"])
        return
    scores = {s.name: s for s in evaluate(model, source, metrics=["l1", "psnr"], seed=3, batch_size=1)}
    batch = data.examples(source, 2, model, seed=3)
    made = model.sample(2, seed=3, inputs=batch["inputs"])
    for name, function in (("l1", l1), ("psnr", psnr)):
        assert scores[name].value == pytest.approx(function(made, batch["images"], (-1, 1)).mean(), rel=1e-5)
    assert scores["l1"].better == "lower" and scores["psnr"].better == "higher"


def test_the_feature_distance_is_of_the_network_that_is_given(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    how = dict(metrics=["feature_distance"], seed=3, batch_size=1)
    if run.name == "cyclegan":
        with pytest.raises(InputError, match="which CycleGAN has not: it knows no pairs; omit features"):
            evaluate(model, source, features="random", extractor=means())
        return
    with pytest.raises(InputError, match="feature_distance needs a feature network; give features='vgg19'"):
        evaluate(model, source, **how)
    (score,) = evaluate(model, source, features="random", **how)
    batch, network = data.examples(source, 2, model, seed=3), features.load("random")
    made = model.sample(2, seed=3, inputs=batch["inputs"])
    want = feature_distance(made, batch["images"], (-1, 1), network).mean()
    assert score.value == pytest.approx(want, rel=1e-5) and score.better == "lower"
    assert score.protocol.items() >= network.protocol.items()


def test_label_maps_are_scored_in_the_colours_of_a_palette(run, tmp_path, capsys):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    greys = np.arange(0, 256, 51)[:, None]
    if run.name == "cyclegan":
        with pytest.raises(InputError, match="which CycleGAN has not: it does not learn label maps by pairs"):
            evaluate(model, source, palette=greys.repeat(3, 1))
        return
    with pytest.raises(InputError, match="class_iou needs the colours of the classes; give a palette"):
        evaluate(model, source, metrics=["class_iou"])
    scores = evaluate(model, source, metrics=["l1", *LABEL_MAPS], seed=3, batch_size=1, palette=greys)
    batch = data.examples(source, 2, model, seed=3)
    made = model.sample(2, seed=3, inputs=batch["inputs"])
    want = label_maps.agreement(label_maps.confusion(made, batch["images"], (-1, 1), greys).sum(0))
    assert {s.name: s.value for s in scores[1:]} == pytest.approx(want)
    assert scores[-1].better == "higher" and scores[-1].protocol["palette"] == greys.tolist()
    Image.fromarray(np.uint8([[0, 20, 40, 60]]).repeat(4, 0)).save(tmp_path / "dark.png")
    kept = (run / "scores.json").exists()
    with pytest.raises(SystemExit) as exit:
        main(["evaluate", str(run), "--palette", str(tmp_path / "dark.png")])
    line = capsys.readouterr().err.splitlines()[-1]
    assert exit.value.code == 2 and line.startswith("tfgen: the palette does not fit: ")
    assert kept == (run / "scores.json").exists()


def test_the_command_scores_a_translator(run, capsys):
    with pytest.raises(SystemExit) as exit:
        # A density needs six images.
        how = ["--features", "random"] if run.name == "pix2pix" else ["--split", "train"]
        main(["evaluate", str(run), *how])
    out, err = capsys.readouterr()
    assert not exit.value.code and "need no labels" in err and "Training a classifier" not in err
    names = [row["name"] for row in json.loads((run / "scores.json").read_text())]
    if run.name == "cyclegan":  # nothing would be left without features
        assert "compared as pixels: the extractor 'classifier' cannot be trained (it learns" in err
        assert names[0] == "frechet"
        return
    assert "without frechet, kernel" in err
    assert names[:3] == ["l1", "psnr", "feature_distance"] and "discriminator_accuracy" in names
    assert "ssim" not in names  # of 8x8 pixels, which its window does not fit into
    assert "split test" in out and (run / "doctor.json").exists()
