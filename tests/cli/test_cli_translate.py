"""`tfgen translate`: which pictures it reads, in which range, and what it writes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfgen import loading
from tfgen.cli import main
from tfgen.fields import Image as Field
from tfgen.models.abilities import Translates


class Negative(Translates):
    """White becomes black; with a seed of 1, everything grey."""

    value_range, fields = (-1.0, 1.0), {"inputs": Field((None, None, 1), 0.0, 1.0)}

    def translate(self, inputs, seed=0):
        assert inputs.dtype == np.float32 and inputs.min() >= 0 and inputs.max() <= 1
        return np.zeros_like(inputs) if seed == 1 else 1 - 2 * inputs


class Domains(Translates):
    """From dark to light, and back."""

    value_range = (-1.0, 1.0)
    fields = {name: Field((None, None, 3), -1.0, 1.0) for name in ("images_a", "images_b")}

    def translate(self, inputs, back=False):
        return np.full_like(inputs, -1.0 if back else 1.0)


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


def test_bad_input_is_one_line(tfgen):
    Path("text.png").write_text("no image")
    Path("sub").mkdir()
    for model, args, message in (
        (object(), ("a.png",), "translate needs a model with the ability Translates; object has none"),
        (Negative(), ("a.png", "--back"), "Negative translates in one direction; omit --back"),
        (Negative(), ("none.png",), "none.png does not exist"),
        (Negative(), ("text.png",), "cannot read the image text.png"),
        (Negative(), ("a.png", "b.jpg", "--to", "x.png"), "2 pictures do not fit into x.png; give a folder"),
        (Negative(), ("a.png", "sub/a.png"), "two of the pictures have the same name"),
        (Negative(), ("a.png", "--to", "sub"), "sub exists; give a new folder"),
    ):
        code, line = tfgen(model, *args)
        assert code == 2 and message in line
    assert not Path("x.png").exists() and not Path("run/translations").exists()
