"""`tfgen latent ...`: the pictures are those of tfgen.analysis.latent, and bad input is one line."""

import json
import zipfile

import numpy as np
import pytest
from eager import eagerly
from PIL import Image

from tfgen import data, pictures, runs
from tfgen.analysis import blending, editing, latent, search
from tfgen.cli import main
from tfgen.cli.latent import app
from tfgen.cli.latent.common import hidden
from tfgen.models import CVAE, DCGAN, BlendingGAN, PixelCNN
from tfgen.runs.callbacks import save
from tfgen.runs.folder import read, write

COMMANDS = (
    *("interpolate", "traverse", "manifold", "arithmetic"),
    *("attributes", "reconstruct", "neighbours", "density"),
    *("project", "inpaint", "edit", "blend"),
)


def tfgen(*args):
    """The exit code of `tfgen latent ARGS`."""
    with pytest.raises(SystemExit) as exit:
        main(["latent", *map(str, args)])
    return exit.value.code or 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on 128 digits: plane (a VAE of two latents), and, untrained, classes, gan, pixels and blend."""
    folder = tmp_path_factory.mktemp("runs")
    how = dict(options={"split": "train[:128]", "binarize": None}, epochs=1, batch_size=64, verbose=0)
    with eagerly():
        small = dict(body="dense", latent_dim=2, width=8)
        runs.train("vae", folder / "plane", "digits", arguments=small, **how)
    for name, model in (
        ("classes", CVAE((8, 8, 1), latent_dim=3, width=8, seed=0)),
        ("gan", DCGAN((8, 8, 1), latent_dim=3, width=8, seed=0)),
        ("pixels", PixelCNN((8, 8, 1), width=4, depth=1, seed=0)),
        ("blend", BlendingGAN((8, 8, 1), width=4, bottleneck=8, seed=0)),
    ):
        run = read(folder / "plane")
        run.update(model=type(model).__name__.lower(), config=model.get_config())
        write(folder / name, run)
        save(model, folder / name / "model.keras", run)
    return folder


@pytest.fixture(scope="module")
def plane(folder):
    return runs.load(folder / "plane")


def test_arrays(model, count=16):
    """The first test images of a run's data, and labels if the model takes them."""
    batch = next(iter(data.load("digits", "test", model, count)))
    return [x.numpy() for x in (batch if isinstance(batch, tuple) else (batch,))]


test_arrays.__test__ = False


@pytest.fixture
def shows(tmp_path, capsys):
    """Checks that a command writes the picture of images (rows, columns, h, w, c)."""

    def check(images, *args, value_range=(0.0, 1.0)):
        to = tmp_path / "picture.png"
        assert tfgen(*args, "--to", to) == 0
        assert str(to) in capsys.readouterr().out
        images = np.asarray(images)
        expected = pictures.grid(images.reshape(-1, *images.shape[2:]), value_range, images.shape[1])
        with Image.open(to) as picture:
            found = np.asarray(picture, int)
        assert found.shape == np.asarray(expected).shape
        assert abs(found - np.asarray(expected, int)).max() <= 1

    return check


def test_help_has_examples(capsys):
    assert tfgen("--help") == 0
    text = capsys.readouterr().out
    assert "Example" in text
    for command in COMMANDS:
        assert f"  {command} " in text
        assert tfgen(command, "--help") == 0
        assert f"tfgen latent {command} runs/" in capsys.readouterr().out
    assert {command.callback.__name__ for command in app.registered_commands} == set(COMMANDS)


def test_interpolate_goes_between_samples_or_images(folder, plane, shows, capsys):
    z = latent.codes(plane, 6, seed=2)
    ways = latent.interpolate(plane, z[:3], z[3:], 4, "spherical")
    options = ("-n", 3, "--steps", 4, "--kind", "spherical")
    shows(ways, "interpolate", folder / "plane", *options, "--seed", 2)
    (images,) = test_arrays(plane)
    ways = latent.interpolate(plane, images[:3], images[3:6], 4, "spherical")
    shows(ways, "interpolate", folder / "plane", *options, "--images")
    gan = runs.load(folder / "gan")
    z = latent.codes(gan, 16)
    shows(latent.interpolate(gan, z[:8], z[8:]), "interpolate", folder / "gan", value_range=(-1, 1))
    assert tfgen("interpolate", folder / "plane") == 0
    with Image.open(folder / "plane" / "latent" / "interpolate.png") as picture:
        assert picture.size == (10 * 66 - 2, 8 * 66 - 2)


def test_traverse_starts_at_a_sample_or_at_an_image(folder, plane, shows):
    values = [-2, 0, 2]
    rows = latent.traverse(plane, latent.codes(plane, 1)[0], [1, 0], values)
    options = ("traverse", folder / "plane", "--steps", 3, "--reach", 2)
    shows(rows, *options, "--dimensions", "1,0")
    z = latent.encode(plane, test_arrays(plane)[0])[5]
    shows(latent.traverse(plane, z, values=values), *options, "--image", 5)


def test_manifold_and_arithmetic(folder, plane, shows):
    shows(latent.manifold(plane, 4), "manifold", folder / "plane", "--side", 4)
    z = latent.codes(plane, 64)
    row = latent.arithmetic(plane, z[[0, 9]], z[[1]], z[[2, 63]])
    shows(row[None], "arithmetic", folder / "plane", "0,9", "1", "2,63")
    z = latent.encode(plane, test_arrays(plane)[0])
    row = latent.arithmetic(plane, z[:1], z[1:2], z[2:4])
    shows(row[None], "arithmetic", folder / "plane", "0", "1", "2,3", "--images")


def test_codes_are_searched_for_images_and_for_parts_of_them(folder, plane, shows, tmp_path):
    (images,), options = test_arrays(plane), ("-n", 2, "--steps", 3, "--seed", 1)
    images = images[:2]
    found = search.project(plane, images, steps=3, starts=4, seed=1).images
    shows(np.stack([images, found, 2 * abs(found - images)], 1), "project", folder / "plane", *options)
    known = np.ones((8, 8))
    known[2:5, 4:] = 0
    Image.fromarray(np.uint8(255 * known)).save(tmp_path / "mask.png")
    for how, words in (
        (dict(mask=known, blend=False), ("--mask", tmp_path / "mask.png", "--no-blend")),
        (
            dict(mask=1 - hidden(images.shape, "left"), loss="squares"),
            ("--hide", "left", "--loss", "squares"),
        ),
    ):
        found = search.inpaint(plane, images, **how, steps=3, starts=4, seed=1)
        left = np.where(np.broadcast_to(how["mask"].reshape(-1, 8, 8, 1), images.shape) > 0, images, 0.5)
        rows = np.stack([images, left, found.generated, found.images], 1)
        shows(rows, "inpaint", folder / "plane", *options, *words)


def test_images_follow_strokes_lines_and_moved_parts(folder, plane, shows, tmp_path):
    (images,), run = test_arrays(plane), folder / "plane"
    images, how = images[:2], dict(steps=3, labels=None)
    near = search.project(plane, images, steps=3, starts=2, seed=1)
    strokes, lines = np.zeros((8, 8, 2), np.uint8), np.zeros((8, 8), np.uint8)
    strokes[1:3, 2:7] = 204, 255
    lines[:, 4] = 255
    for values, name in ((strokes, "strokes"), (lines, "lines")):
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    colours, mask = strokes[..., :1] / 255.0, strokes[..., 1:] > 0
    parts = [editing.moved(image, (0, 1, 3, 4), (5, 2)) for image in images]
    moved, place = np.stack([one for one, _ in parts]), parts[0][1]
    for given, painted, words in (
        (
            (np.float32(colours), mask, lines > 0),
            np.where(lines[..., None] > 0, 1, np.where(mask, colours, images)),
            ("--paint", tmp_path / "strokes.png", "--sketch", tmp_path / "lines.png"),
        ),
        ((moved, place), np.where(place > 0, moved, images), ("--move", "0,1,3,4,5,2")),
    ):
        found = editing.edit(plane, near.z, *given, smoothness=0.5, photos=images, **how)
        rows = np.stack([images, painted, near.images, found.generated, found.images], 1)
        options = ("-n", 2, "--steps", 3, "--starts", 2, "--seed", 1, "--smoothness", 0.5)
        shows(rows, "edit", run, *options, *words)


def test_parts_of_images_are_blended_into_others(folder, shows, tmp_path):
    model, run = runs.load(folder / "blend"), folder / "blend"
    images = test_arrays(model)[0][:2]
    others, inside = images[::-1], hidden(images.shape, "left")[0]
    low, high = model.value_range
    ways = [np.where(inside, others, images), np.clip(blending.poisson(others, images, inside), low, high)]
    made = [model.blend(*pair, inside) for pair in zip(others, images)]
    shows(
        np.stack([images, others, *ways, made], 1),
        "blend",
        run,
        "-n",
        2,
        "--part",
        "left",
        value_range=(low, high),
    )
    files = [tmp_path / name for name in ("source.png", "target.png", "mask.png", "made.png")]
    photos = np.random.default_rng(0).integers(0, 256, (2, 11, 13), dtype=np.uint8)
    where = np.zeros((11, 13), np.uint8)
    where[3:7, 2:9] = 255
    for file, values in zip(files, [*photos, where]):
        Image.fromarray(values).save(file)
    options = zip(("--source", "--target", "--mask", "--to"), files)
    assert tfgen("blend", run, *(word for pair in options for word in pair)) == 0
    want = model.blend(*photos[..., None], where > 0)
    got = pictures.to_uint8(want, (low, high))[..., 0]
    np.testing.assert_array_equal(np.asarray(Image.open(files[-1])), got)


def test_a_conditional_model_has_the_labels_of_its_samples_or_images(folder, shows):
    model = runs.load(folder / "classes")
    z = latent.codes(model, 2, seed=1)
    ways = latent.interpolate(model, z[:1], z[1:], 3, labels=7)
    options = ("interpolate", folder / "classes", "-n", 1, "--steps", 3)
    shows(ways, *options, "--seed", 1, "--label", 7)
    images, labels = test_arrays(model)
    ways = latent.interpolate(
        model, *latent.encode(model, images[:2], labels[:2])[:, None], 3, labels=labels[:1]
    )
    shows(ways, *options, "--images")
    shows(latent.reconstructions(model, images[:3], labels[:3]), "reconstruct", folder / "classes", "-n", 3)


def test_without_a_label_the_codes_have_those_of_sample(folder, shows):
    model = runs.load(folder / "classes")
    z, images = latent.codes(model, 2, seed=1), np.asarray(model.sample(2, seed=1))
    label = next(k for k in range(10) if np.allclose(model.decode(z[1:], [k]), images[1:], atol=1e-6))
    assert any(np.allclose(model.decode(z[:1], [k]), images[:1], atol=1e-6) for k in range(10) if k != label)
    row = latent.arithmetic(model, z[1:], z[1:], z[1:], label)
    np.testing.assert_allclose(row, np.repeat(images[1:], 4, 0), atol=1e-5)
    shows(row[None], "arithmetic", folder / "classes", 1, 1, 1, "--seed", 1)


def test_reconstructions_stand_in_pairs(folder, plane, shows):
    (images,) = test_arrays(plane)
    pairs = latent.reconstructions(plane, images)
    shows(pairs.reshape(2, 16, 8, 8, 1), "reconstruct", folder / "plane", "-n", 16)


def test_attributes_are_of_classes_or_of_named_attributes(folder, plane, shows, tmp_path):
    batch = next(iter(data.load("digits", "test", plane, 100, labels=True)))
    images, labels = (x.numpy() for x in batch)
    z = latent.encode(plane, images)
    vector = z[labels == 3].mean(0) - z[labels != 3].mean(0)
    changed = latent.decode(plane, z[:2, None] + np.linspace(-2, 2, 7)[:, None] * vector)
    picture = np.concatenate([images[:2, None], changed], axis=1)
    options = ("-n", 100, "--rows", 2, "--reach", 2)
    shows(picture, "attributes", folder / "plane", "--attribute", 3, *options)
    file = tmp_path / "faces.npz"
    has = np.stack([labels == 0, labels == 3], axis=1)
    np.savez(file, images=np.rint(images * 255).astype("uint8"), attributes=has)
    shows(picture, "attributes", folder / "plane", "--attribute", "attribute_1", *options, "--data", file)


def test_neighbours_are_of_what_the_run_was_trained_on(folder, plane, shows):
    train = next(iter(data.load("digits", "train[:128]", plane, 128, shuffle=False))).numpy()
    samples = np.asarray(plane.sample(3, seed=4))
    for by, features in (("pixels", None), ("code", plane.encode)):
        found, _, _ = latent.neighbours(samples, train, 2, features)
        picture = np.concatenate([samples[:, None], found], axis=1)
        options = ("-n", 3, "-k", 2, "--seed", 4, "--by", by)
        shows(picture, "neighbours", folder / "plane", *options)


def test_density_is_kept_in_the_run(folder, capsys):
    run = folder / "plane"
    said = json.loads(zipfile.ZipFile(run / "model.keras").read("run.json"))
    before = runs.load(run)
    assert tfgen("density", run, "--components", 3) == 0
    assert str(run / "model.keras") in capsys.readouterr().out
    after = runs.load(run)
    assert json.loads(zipfile.ZipFile(run / "model.keras").read("run.json")) == said
    assert not np.allclose(latent.codes(before, 8), latent.codes(after, 8))
    z = latent.codes(after, 4000)
    train = next(iter(data.load("digits", "train[:128]", after, 128, shuffle=False)))
    codes = latent.encode(after, train)
    np.testing.assert_allclose(z.mean(0), codes.mean(0), atol=0.1 * codes.std())
    np.testing.assert_allclose(z.std(0), codes.std(0), rtol=0.2)
    assert sorted(path.name for path in run.glob(".part*")) == []


BAD = {
    "run": (["interpolate", "{folder}"], "is no run folder"),
    "file": (["interpolate", "{plane}", "--to", "paths.jpg"], "ends in .png; received paths.jpg"),
    "codes": (["interpolate", "{pixels}"], "PixelCNN has no codes that it decodes"),
    "encoder": (["reconstruct", "{gan}"], "DCGAN has no encoder"),
    "images": (["traverse", "{gan}", "--image", "2"], "DCGAN has no encoder"),
    "kind": (["interpolate", "{plane}", "--kind", "sperical"], "did you mean spherical"),
    "steps": (["interpolate", "{plane}", "--steps", "1"], "steps >= 2"),
    "ways": (["interpolate", "{plane}", "-n", "0"], "-n must be at least 1"),
    "many": (["reconstruct", "{plane}", "-n", "361"], "digits has 360 images in 'test'; 361 are wanted"),
    "none": (["reconstruct", "{plane}", "-n", "0"], "0 are wanted"),
    "split": (["reconstruct", "{plane}", "--split", "tst"], "no split 'tst'"),
    "data": (["reconstruct", "{plane}", "--data", "digts"], "did you mean digits"),
    "dimension": (["traverse", "{plane}", "--dimensions", "0,2"], "are 0 to 1; received 2"),
    "numbers": (["traverse", "{plane}", "--dimensions", "0;2"], "takes whole numbers, as 3,7,9"),
    "image": (["traverse", "{plane}", "--image", "360"], "361 are wanted"),
    "negative": (["traverse", "{plane}", "--image", "-1"], "--image must be at least 0"),
    "manifold": (["manifold", "{classes}"], "codes of size 2; this CVAE has 3"),
    "side": (["manifold", "{plane}", "--side", "0"], "side >= 1"),
    "label": (["interpolate", "{plane}", "--label", "1"], "VAE is not conditional; omit --label"),
    "class": (["interpolate", "{classes}", "--label", "10"], "labels of CVAE lie in 0..9"),
    "both": (["interpolate", "{classes}", "--images", "--label", "1"], "their own labels"),
    "attribute": (["attributes", "{plane}", "--attribute", "Smiling"], "digits has no attributes"),
    "number": (["attributes", "{plane}", "--attribute", "11"], "none of the first 360 images are of '11'"),
    "condition": (["attributes", "{classes}", "--attribute", "1"], "changed by its labels"),
    "rows": (["attributes", "{plane}", "--attribute", "1", "-n", "4"], "--rows must lie in 1..4"),
    "by": (["neighbours", "{plane}", "--by", "pixel"], "did you mean pixels"),
    "k": (["neighbours", "{plane}", "-k", "129"], "k must lie in 1..128"),
    "label code": (["neighbours", "{classes}", "--by", "code"], "use --by pixels"),
    "density": (["density", "{gan}"], "DCGAN has no codes of images"),
    "search": (["project", "{pixels}"], "PixelCNN has no codes that it decodes"),
    "search steps": (["project", "{plane}", "--steps", "0"], "steps must be at least 1; received 0"),
    "part": (["inpaint", "{plane}", "--hide", "midle"], "did you mean middle"),
    "loss": (["inpaint", "{plane}", "--loss", "contex"], "did you mean context"),
    "mask": (["inpaint", "{plane}", "--mask", "{plane}/run.json"], "--mask takes a picture"),
    "mask size": (
        ["inpaint", "{plane}", "--mask", "{plane}/samples/epoch-0001.png"],
        "takes a picture of 8x8 pixels",
    ),
    "edit": (["edit", "{plane}"], "takes --paint, --sketch or --move; received none of them"),
    "edits": (["edit", "{plane}", "--paint", "a.png", "--move", "1"], "give one of them"),
    "moved": (["edit", "{plane}", "--move", "1,2,3"], "--move takes six numbers, as 20,8,6,16,22,8"),
    "outside": (["edit", "{plane}", "--move", "0,0,9,2,0,0"], "a box of 9x2 pixels at (0, 0) is not inside"),
    "opaque": (["edit", "{plane}", "--paint", "{opaque}"], "opaque.png is nowhere transparent"),
    "sketch": (["edit", "{plane}", "--sketch", "{plane}/run.json"], "--sketch takes a picture; "),
    "blend": (["blend", "{gan}"], "DCGAN does not blend; BlendingGAN does"),
    "one image": (["blend", "{blend}", "-n", "1"], "-n must be at least 2, as each image takes"),
    "one picture": (["blend", "{blend}", "--source", "x.png"], "give both, or neither"),
    "components": (["density", "{plane}", "--components", "0"], "--components must be at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, folder, tmp_path, monkeypatch, capsys):
    args, message = BAD[case]
    places = {name: folder / name for name in ("plane", "classes", "gan", "pixels", "blend")}
    places["opaque"] = folder / "opaque.png"
    Image.new("L", (8, 8)).save(places["opaque"])
    monkeypatch.chdir(tmp_path)
    assert tfgen(*(arg.format(folder=tmp_path, **places) for arg in args)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert message in last and "Traceback" not in last
    assert not list(tmp_path.iterdir())
