"""`tfgen translate`: which pictures it reads, in which range, and what it writes."""

from pathlib import Path

import numpy as np
import pytest
from eager import eagerly
from PIL import Image
from translators import TINY

from tfgen import loading
from tfgen.cli import main
from tfgen.fields import Image as Field
from tfgen.fields import Vector
from tfgen.models import CycleGAN, Pix2Pix
from tfgen.models.abilities import Translates


class Negative(Translates):
    """White becomes black; with a seed of 1, everything grey."""

    value_range, fields = (-1.0, 1.0), {"inputs": Field((None, None, 1)), "images": Field((None, None, 3))}
    conditions = {"inputs": fields["inputs"]}

    def translate(self, inputs, seed=0):
        assert inputs.dtype == np.uint8 and inputs.shape[-1] == 1
        return np.zeros(inputs.shape) if seed == 1 else 1 - inputs / 127.5


class Twice(Negative):
    """Four pixels for each, which it makes in tiles."""

    scale = 2

    def translate_tiles(self, inputs, tile, seed):
        high, wide = inputs.shape[1:3]
        for top in range(0, high, tile):
            for left in range(0, wide, tile):
                part = inputs[:, top : top + tile, left : left + tile] / 127.5 - 1
                yield 2 * top, 2 * left, part.repeat(2, 1).repeat(2, 2)


class Domains(Translates):
    """From dark to light, and back."""

    value_range, source, target = (-1.0, 1.0), "images_a", "images_b"
    fields = {name: Field((None, None, 3)) for name in ("images_a", "images_b")}
    conditions = {"inputs": fields["images_a"]}

    def translate(self, inputs, seed=0):
        return np.ones(inputs.shape)

    def translate_back(self, images, seed=0):
        return -np.ones(images.shape)


class Asked(Negative):
    """As bright as it is told."""

    conditions = {**Negative.conditions, "labels": Vector((2,), 0.0, 1.0)}

    def translate(self, inputs, seed=0, *, labels=(0.0, 0.0)):
        return np.full(inputs.shape, 2 * labels[1] - 1)


@pytest.fixture
def tfgen(monkeypatch, tmp_path, capsys):
    """Runs `tfgen translate RUN ARGS` of a model in a folder of two pictures; returns code and last line."""
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((6, 9), np.uint8)
    pixels[:, 0] = 255
    Image.fromarray(pixels).save("a.png")
    turned = Image.Exif()
    turned[0x0112] = 6  # it is to be turned by a quarter
    Image.fromarray(pixels).save("b.jpg", exif=turned, quality=100)
    Path("run").mkdir()
    Path("run/run.json").touch()

    def run(model, *args):
        monkeypatch.setattr(loading, "load", lambda what: model)
        monkeypatch.setattr(loading, "label_names", lambda what: ())
        with pytest.raises(SystemExit) as exit:
            main(["translate", "run", *map(str, args)])
        out, err = capsys.readouterr()
        return exit.value.code or 0, (out + err).splitlines()[-1]

    return run


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_a_picture_is_translated_into_a_file(tfgen):
    assert tfgen(Negative(), "a.png", "--to", "out.png") == (0, "1 translated: out.png")
    pixels = pixels_of("out.png")
    assert pixels.shape == (6, 9) and (pixels[:, 0] == 0).all() and (pixels[:, 1:] == 255).all()
    assert tfgen(Negative(), "a.png", "--to", "grey.png", "--seed", 1)[0] == 0
    assert (abs(pixels_of("grey.png") - 127.5) < 1).all()


def test_several_are_translated_upright_into_a_folder(tfgen):
    assert tfgen(Negative(), "a.png", "b.jpg") == (0, "2 translated: run/translations")
    assert sorted(path.name for path in Path("run/translations").iterdir()) == ["a.png", "b.png"]
    pixels = pixels_of("run/translations/b.png")
    assert pixels.shape == (9, 6) and (pixels[0] < 30).all() and (pixels[3:] > 225).all()


def test_back_is_the_other_direction(tfgen):
    for flags, value in (((), 255), (("--back",), 0)):
        assert tfgen(Domains(), "a.png", "--to", "out.png", *flags)[0] == 0
        assert pixels_of("out.png").shape == (6, 9, 3) and (pixels_of("out.png") == value).all()


def test_labels_are_taken_in_turn(tfgen):
    assert tfgen(Asked(), "a.png", "b.jpg", "--to", "out", "--label", "0.2,1", "--label", "1,0")[0] == 0
    assert pixels_of("out/a.png").min() == 255 and pixels_of("out/b.png").max() == 0
    code, line = tfgen(Asked(), "a.png", "--to", "one.png", "--label", "0.2")
    assert code == 2 and "labels are 2 numbers between commas; received '0.2'" in line
    code, line = tfgen(Negative(), "a.png", "--to", "one.png", "--label", "0.2")
    assert code == 2 and "Negative is not conditional; omit --label" in line


def test_a_folder_of_pictures_is_translated_whole(tfgen):
    Path("photos").mkdir()
    for name in ("a.png", "b.jpg"):
        Path(name).rename(Path("photos") / name)
    Path("photos/notes.txt").touch()
    assert tfgen(Domains(), "photos", "--to", "out") == (0, "2 translated: out")
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.png"]


def test_a_large_picture_is_translated_in_tiles(tfgen):
    assert tfgen(Twice(), "a.png", "--tile", 4, "--to", "out.png")[0] == 0
    assert (pixels_of("out.png") == pixels_of("a.png").repeat(2, 0).repeat(2, 1)).all()
    assert tfgen(Twice(), "a.png", "--tile", 4, "--max-pixels", 64, "--to", "again.png")[0] == 0


def test_halves_of_pictures_are_learnt_scored_and_shown(tmp_path, monkeypatch, capsys):
    """From the first command to the last, of pairs that lie side by side."""
    monkeypatch.chdir(tmp_path)
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (8, 8, 16, 3), np.uint8)):
        path = Path(f"photos/{'test' if number < 2 else 'train'}/{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    small = [f"--set={text}" for text in ("width=4", "depth=2", "strided=0", "image_shape=4,4,1")]
    data = ["--data", "photos", "--data-set", "pair=right,left", "--data-set", "flip=True"]
    for command, *said in (
        (["train", "pix2pix", *data, *small, "--epochs", "1", "--batch-size", "2", "--out", "run"],
         ": 6 pairs of 8x8x3; split train of test 2, train 6; resized and cropped in the middle to 4x4x3 and "
         "4x4x1; half of them mirrored", "6 images in batches of 2: 1 epoch, 3 steps each",
         "next: tfgen translate run PHOTO; tfgen sample run; "),
        (["train", "--resume", "run"], "run is complete"),
        (["sample", "run"], "2 examples and their translations of seed 0"),
        (["evaluate", "run"], "psnr", "split test, n_real 2"),
        (["translate", "run", "photos/test/0.png"], "1 translated: run/translations"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as exit, eagerly():
            main(command)
        out = capsys.readouterr().out
        assert not exit.value.code and all(text in out for text in said), out
    assert len(list(Path("run/samples").iterdir())) == 1
    assert pixels_of("run/translations/0.png").shape == (8, 16)


@pytest.fixture(scope="module")
def models():
    """Pix2Pix goes from colour to grey and CycleGAN from grey to colour."""
    return {
        "pix2pix": Pix2Pix((8, 8, 1), input_channels=3, seed=0, **TINY["pix2pix"]),
        "cyclegan": CycleGAN((12, 12, 3), input_channels=1, seed=0, **TINY["cyclegan"]),
    }


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_model_translates_grey_and_colour_of_any_size(tfgen, models, name):
    model = models[name]
    colour = np.random.default_rng(0).integers(0, 256, (15, 10, 4), np.uint8)
    Image.fromarray(colour[..., :3]).save("colour.png")
    Image.fromarray(colour).save("clear.png")
    Image.fromarray(colour[..., 0].astype(np.uint16) * 257).save("deep.png")
    Image.fromarray(colour[..., 0]).save("grey.png")
    for back in ([], ["--back"]) if name == "cyclegan" else ([],):
        grey_in = (name == "cyclegan") != bool(back)
        assert (
            tfgen(model, "colour.png", "grey.png", "clear.png", "deep.png", *back, "--to", f"out{back}")[0]
            == 0
        )
        out = {path.stem: pixels_of(path) for path in Path(f"out{back}").iterdir()}
        assert {x.shape for x in out.values()} == {(15, 10, 3) if grey_in else (15, 10)}
        assert (out["deep"] == out["grey"]).all()
        assert len(np.unique(np.stack([*out.values()]).reshape(4, -1), axis=0)) == 3
        grey = colour[None, ..., :1] if grey_in else colour[None, ..., [0, 0, 0]]
        want = model.translate_back(grey) if back else model.translate(grey, 0)
        assert abs(out["grey"] - (np.squeeze(want[0]) + 1) * 127.5).max() <= 0.501
    assert tfgen(model, "grey.png", "--to", "other.png", "--seed", 1)[0] == 0
    assert (pixels_of("other.png") == pixels_of("out[]/grey.png")).all() == (not model.stochastic)
    if name == "pix2pix":
        assert tfgen(model, "grey.png", "--back", "--to", "no.png") == (
            2,
            "tfgen: Pix2Pix translates in one direction, from inputs to images",
        )
        assert not Path("no.png").exists()


def test_bad_input_is_one_line(tfgen):
    Path("text.png").write_text("no image")
    Path("sub").mkdir()
    Path("sub/c.PNG").write_bytes(Path("a.png").read_bytes()[:50])
    Path("none").mkdir()
    infrared = Domains()
    infrared.conditions = {"inputs": Field((None, None, 4))}
    Image.new("1", (10_000, 10_000)).save("huge.png")
    for model, args, message in (
        (object(), ("a.png",), "translate needs a model with the ability Translates; object has none"),
        (Negative(), ("a.png", "--back"), "Negative translates in one direction, from inputs to images"),
        (Negative(), ("none.png",), "none.png does not exist"),
        (Negative(), ("text.png",), "cannot read the image text.png"),
        (Negative(), ("a.png", "b.jpg", "--to", "x.png"), "2 pictures do not fit into x.png; give a folder"),
        (Negative(), ("a.png", "sub/a.png"), "two of the pictures have the same name"),
        (Negative(), ("a.png", "--to", "sub"), "sub exists; give a new folder"),
        (
            Negative(),
            ("a.png", "--to", "x.jpg"),
            "--to takes a file ending in .png, or a new folder; received x.jpg",
        ),
        (Negative(), ("a.png", "none"), "none has no pictures (.png, .jpg"),
        (Negative(), ("a.png", "sub"), "cannot read the image sub/c.PNG"),
        (
            Twice(),
            ("b.jpg", "--max-pixels", 215),
            "b.jpg has 6x9 pixels: 216 would be made at a time, for which the memory may not suffice (at "
            "most 215); make it smaller, or give --tile 256, or raise --max-pixels",
        ),
        (Twice(), ("a.png", "--tile", 4, "--max-pixels", 63), "make it smaller, or give a smaller --tile"),
        (
            Domains(),
            ("a.png", "huge.png"),
            "huge.png has more than 89 million pixels, the most that are read",
        ),
        (Domains(), ("a.png", "--back", "--tile", 8), "--back translates pictures whole; omit --tile"),
        (infrared, ("a.png",), "Domains takes images of 4 channels, which no picture has"),
    ):
        code, line = tfgen(model, *args)
        assert code == 2 and message in line
    assert not Path("x.png").exists() and not Path("run/translations").exists()
