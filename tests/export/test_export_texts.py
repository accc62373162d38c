"""Text and places at every door of an export: programs of the card, the server's inputs, the page."""

import json
import re
import shutil
import subprocess

import numpy as np
import onnxruntime
import pageview
import pytest
from needs import JAVASCRIPT, PAGES
from pageview import check

from export import examples, programs
from export import page as pages
from export.serving.inputs import Inputs, Refused
from tfgen import export
from tfgen.models import ALCGAN, GANCLS, GAWWN

TEXTS = ["a cat", "red", "two"]


@pytest.fixture(scope="module")
def models():
    made = {
        "words": GANCLS(**GANCLS.tiny, seed=1),
        "places": GAWWN(**GAWWN.tiny, seed=1),
        "scenes": ALCGAN(**{**ALCGAN.tiny, "image_shape": (16, 16, 1)}, seed=1),
    }
    rng = np.random.default_rng(0)
    for model in made.values():  # as much contrast as trained ones have
        for weight in model.trainable_variables:
            weight.assign(weight + rng.normal(0, 0.2, weight.shape))
    return made


@pytest.fixture(scope="module")
def artifacts(models, tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for name, model in models.items():

        def finish(folder, manifest, name=name, model=model):
            if name == "scenes":
                manifest["labels"] = ["light", "red"]
                for file, picture in zip(("inputs", "samples"), examples.example(model)):
                    picture.save(folder / f"{file}.png")
            else:
                manifest["captions"] = TEXTS

        export.write(model, root / name, {"onnx": export.onnx}, finish)
    return root


def manifest_of(artifacts, name):
    return json.loads((artifacts / name / "manifest.json").read_text())


def cards(models, artifacts, name, language):
    """The first program of the card in a language."""
    text = "\n\n".join(programs.programs(models[name], manifest_of(artifacts, name)))
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)[0]


def test_the_cards_python_makes_bytes_of_texts(models, artifacts, monkeypatch, tmp_path):
    monkeypatch.chdir(shutil.copytree(artifacts / "words", tmp_path / "copy"))
    program = cards(models, artifacts, "words", "python")
    assert "'a cat', 'red', 'two', 'a cat'" in program
    told = {}
    exec(program.rpartition("\n")[0], told)
    want = models["words"].sample(8, seed=0, captions=[TEXTS[k % 3] for k in range(8)])
    np.testing.assert_allclose(told["images"], want, atol=1e-5)


@JAVASCRIPT
def test_the_cards_javascript_does_too(models, artifacts, tmp_path):
    from export import node

    program = cards(models, artifacts, "places", "js").replace(
        "console.log(sample.dims, sample.data)", "console.log(JSON.stringify(Array.from(sample.data)))"
    )
    folder = shutil.copytree(artifacts / "places", tmp_path / "copy")
    (folder / "sample.mjs").write_text(program)
    (folder / "node_modules").symlink_to(node.modules())
    command = [node.executable(), "sample.mjs"]
    out = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    want = models["places"].sample(8, seed=0, **examples.given(models["places"], 8, TEXTS))
    np.testing.assert_allclose(json.loads(out), np.ravel(want), atol=1e-5)


def test_the_cards_c_plus_plus_has_texts_and_boxes(models, artifacts):
    lines = cards(models, artifacts, "places", "cpp").splitlines()
    assert (
        '  for (std::string text : {"a cat", "red", "two", "a cat", "red", "two", "a cat", "red"}) {' in lines
    )
    assert "    text.resize(6);" in lines and "  std::vector<int64_t> captions_shape = {8, 6};" in lines
    assert "  std::vector<int64_t> places_shape = {8, 1, 4};" in lines
    scene = cards(models, artifacts, "scenes", "cpp").splitlines()
    assert "  float labels[] = {1, 1};" in scene and "  std::vector<int64_t> labels_shape = {1, 2};" in scene


def test_the_cards_picture_of_a_scene_is_as_its_program_asks(models, artifacts, monkeypatch, tmp_path):
    monkeypatch.chdir(shutil.copytree(artifacts / "scenes", tmp_path / "copy"))
    told = {}
    exec(cards(models, artifacts, "scenes", "python").rpartition("\n")[0], told)
    made = models["scenes"].translate(told["image"], seed=0, labels=np.ones((1, 2), np.float32))
    np.testing.assert_allclose(told["translation"], made[0], atol=1e-4)
    from PIL import Image

    shown = np.asarray(Image.open("samples.png")).astype(int)
    np.testing.assert_allclose(shown, np.rint((made[0, ..., 0] + 1) * 127.5), atol=1)


SEED = ("seed", "INT64", [1], [7])
N = ("n", "INT32", [1], [2])


@pytest.fixture(scope="module")
def inputs(artifacts):
    return Inputs(manifest_of(artifacts, "places")["signatures"]["sample"], max_n=4)


BOX = ("places", "FP32", [1, 1, 4], [0.5, 0.25, 0.5, 0.75])


def test_a_request_says_text_or_numbers(inputs, models, artifacts):
    words = ("captions", "BYTES", [2], ["A cat", b"red"])
    arrays = inputs.arrays([SEED, N, words, BOX])
    want = models["places"].fields["captions"].rows(["a cat", "red"], "captions", "")
    np.testing.assert_array_equal(arrays["captions"], want)
    numbers = ("captions", "INT32", [2, 6], want.ravel().tolist())
    np.testing.assert_array_equal(inputs.arrays([SEED, N, numbers, BOX])["captions"], want)
    session = onnxruntime.InferenceSession(str(artifacts / "places/onnx/sample.onnx"))
    made = models["places"].sample(2, seed=7, captions=["a cat", "red"], places=[0.5, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(session.run(None, arrays)[0], made, atol=1e-5)


@pytest.mark.parametrize(
    "shape, data, line",
    [
        ([1], ["a caterpillar"], "must be texts of at most 6 characters; received 13"),
        ([1], [" "], "must be texts of printable ASCII characters; received ' '"),
        ([1], ["na\u00efve"], "must be texts of printable ASCII characters; received 'na\u00efve'"),
        ([1], [7], "must be texts of printable ASCII characters; received 7"),
        ([1, 6], ["red"], "of 1 texts must have shape [1]; received [1, 6]"),
        ([1], b"\3\0\0\0red", "takes texts as strings; send a list of them, or INT32 numbers"),
        ([3], ["a", "b", "c"], "must have n rows, 2, or 1; received {'captions': 3, 'places': 1}"),
        ([5], ["a"] * 5, "must have 1 to 4 rows; received 5"),
    ],
)
def test_bad_texts_are_one_line(inputs, shape, data, line):
    with pytest.raises(Refused) as refused:
        inputs.arrays([SEED, N, ("captions", "BYTES", shape, data), BOX])
    assert line in str(refused.value) and "\n" not in str(refused.value)


def test_bad_places_are_one_line(inputs):
    words = ("captions", "BYTES", [1], ["red"])
    for box, line in (
        ([0.5, 0.25, 0.6, 0.75], "must lie in 0.0..1.0; received"),
        ([-1, 0, 1, 1], "received -1.0"),
    ):
        with pytest.raises(Refused, match=line):
            inputs.arrays([SEED, N, words, ("places", "FP32", [1, 1, 4], box)])
    with pytest.raises(Refused, match="'seed' must have datatype INT64; received 'BYTES'"):
        inputs.arrays([("seed", "BYTES", [1], ["red"]), N, words, BOX])


# The page.


@pytest.fixture(scope="module")
def tab(artifacts, tmp_path_factory):
    site = tmp_path_factory.mktemp("page") / "site"
    pages.write([artifacts / name for name in ("words", "places", "scenes")], site)
    with pageview.served(site) as address, pageview.tab(address) as tab:
        yield tab


@pytest.fixture
def view(tab):
    with pageview.sound(tab):
        yield tab


@PAGES
def test_the_page_draws_what_one_writes(view, models):
    model = models["words"]
    view.open("artifact=words&seed=5")
    field = view.page.get_by_label("Text")
    assert field.input_value() == "a cat" and not view.page.get_by_label("Class").is_visible()
    check(view.image(), model.sample(1, seed=5, captions="a cat")[0], model)
    field.fill("Two")
    samples = model.sample(16, seed=5, captions="two")
    check(view.ready().image(), samples[0], model)
    check(view.image("#samples canvas", 3), samples[3], model)
    assert view.state["text"] == "Two"
    view.page.wait_for_selector("#status:has-text('Image 1 of seed 5, \u201cTwo\u201d, drawn in ')")
    for text, line in (
        ("caf\u00e9", "The model reads letters, digits and signs of ASCII alone, not \u00e9."),
        ("", "The text is empty: say what the images shall show."),
    ):
        field.fill(text)
        assert view.ready().text("#error") == line and field.get_attribute("aria-invalid") == "true"
        check(view.image(), samples[0], model)
    field.fill("red")
    assert view.ready().text("#error") == "" and field.get_attribute("aria-invalid") is None
    view.open("artifact=words&seed=5&text=far+too+long")
    assert view.page.get_by_label("Text").input_value() == "a cat"


@PAGES
def test_a_box_is_written_or_drawn(view, models):
    model = models["places"]
    view.open("artifact=places&seed=2&text=red&box=0.5,0,0.5,0.5")
    check(view.image(), model.sample(1, seed=2, captions="red", places=[0.5, 0, 0.5, 0.5])[0], model)
    at = view.page.locator("#picture").bounding_box()
    for kind, y, x in (("down", 0.1, 0.2), ("up", 0.9, 0.7)):
        view.page.mouse.move(at["x"] + x * at["width"], at["y"] + y * at["height"])
        getattr(view.page.mouse, kind)()
    box = [float(word) for word in view.ready().state["box"].split(",")]
    np.testing.assert_allclose(box, [0.1, 0.2, 0.8, 0.5], atol=0.01)
    check(view.image(), model.sample(1, seed=2, captions="red", places=box)[0], model)
    view.page.get_by_label("Box").fill("0.5,0.5,0.6,0.1")
    assert view.ready().text("#error").startswith("A box is its top, left, height and width within the image")


@PAGES
def test_a_scene_is_asked_for_by_sliders(view, models):
    model = models["scenes"]
    view.open("artifact=scenes&seed=3&class=0.9,0.2")
    inputs = examples.drawing(16, 16, 3)[None]
    check(view.image(), model.translate(inputs, seed=3, labels=np.float32([0.9, 0.2]))[0], model)
    view.page.get_by_role("slider", name="red").press("End")
    check(view.ready().image(), model.translate(inputs, seed=3, labels=np.float32([0.9, 1.0]))[0], model)
    assert view.state["class"] == "0.9,1"
