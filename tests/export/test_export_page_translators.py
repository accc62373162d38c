"""The page translates in headless Chromium what the models translate in Python: dropped, pasted, drawn."""

import io
from urllib.parse import urlsplit

import numpy as np
import pageview
import pytest
from needs import PAGES
from PIL import Image
from signed import only

from export import examples
from export import page as pages
from tfgen import export
from tfgen.errors import InputError
from tfgen.models import CycleGAN, Pix2Pix, SRResNet
from tfgen.pictures import to_picture

pytestmark = [PAGES, pytest.mark.timeout(300)]
COLOURS = np.uint8([[0, 0, 222], [255, 80, 0], [32, 255, 224]])


@pytest.fixture(scope="module")
def models():
    """From a label map of three colours to grey, between colour and grey, and four times as large."""
    made = {
        "labels": Pix2Pix(**{**Pix2Pix.tiny, "image_shape": (16, 16, 1)}, seed=1),
        "domains": CycleGAN(**{**CycleGAN.tiny, "input_channels": 3}, seed=1),
        "larger": SRResNet(**SRResNet.tiny, seed=1),
    }
    rng = np.random.default_rng(0)
    for model in made.values():  # so that images have contrast, as trained ones' have
        for weight in model.trainable_variables:
            weight.assign(weight + rng.normal(0, 0.2, weight.shape))
    return made


@pytest.fixture(scope="module")
def artifacts(models, tmp_path_factory):
    root = tmp_path_factory.mktemp("artifacts")

    def finish(folder, manifest):
        colours = COLOURS if manifest["model"]["class_name"] == "Pix2Pix" else None
        if colours is not None:
            manifest["palette"] = colours.tolist()
        to_picture(examples.drawing(18, 20, 3, colours)).save(folder / "inputs.png")

    for name, model in models.items():
        export.write(model, root / name, {"onnx": export.onnx}, finish)
    return [root / name for name in models]


@pytest.fixture(scope="module")
def tab(artifacts, tmp_path_factory):
    site = tmp_path_factory.mktemp("page") / "site"
    pages.write(artifacts, site)
    with pageview.served(site) as address, pageview.tab(address) as tab:
        yield tab


@pytest.fixture(name="view")
def sound(tab):
    with pageview.sound(tab):
        yield tab


def check(view, made, model):
    pageview.check(view.image(), np.asarray(made)[0], model)


def photo(height=13, width=22):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def file_of(pixels, name="photo.png"):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


GIVE = """([kind, bytes, name]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], name, { type: "image/png" }));
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}"""


def give(view, kind, file):
    view.page.evaluate(GIVE, [kind, list(file["buffer"]), file["name"]])
    return view.ready()


def test_the_example_is_translated_by_seed(view, models):
    model, inputs = models["labels"], examples.drawing(18, 20, 3, COLOURS)[None]  # of no multiple of 4
    view.open("artifact=labels&seed=7")
    check(view, model.translate(inputs, 7), model)
    view.page.get_by_label("Seed", exact=True).fill("8")
    check(view.ready(), model.translate(inputs, 8), model)
    assert (np.asarray(model.translate(inputs, 7)) != np.asarray(model.translate(inputs, 8))).any()
    view.page.wait_for_selector("#status:has-text('Translation of 20 x 18 pixels, made in ')")
    assert (view.image("#given") == inputs[0]).all()


@pytest.mark.parametrize("kind", ["chosen", "drop", "paste"])
def test_an_image_of_any_size_is_given_in_three_ways(view, models, kind):
    model = models["domains"]
    pixels = photo(13 if kind == "chosen" else 5, 22)  # 5 is smaller than what the network takes
    view.open("artifact=domains")
    assert not view.page.get_by_label("Seed", exact=True).is_visible()
    if kind == "chosen":
        view.page.get_by_label("Image", exact=True).set_input_files(file_of(pixels))
        view.ready()
    else:
        give(view, kind, file_of(pixels))
    check(view, model.translate(pixels[None]), model)


def test_a_picture_of_the_camera_is_translated(view, models):
    view.open("artifact=domains")
    view.page.get_by_role("button", name="Camera").click()
    view.page.wait_for_selector("#status:has-text('Translation of 512 x 384 pixels')")  # of 640 x 480
    model, given = models["domains"], view.image("#given")
    assert len(np.unique(given.reshape(-1, 3), axis=0)) > 3
    check(view, model.translate(given[None]), model)


def test_the_other_direction_is_in_the_link(view, models):
    model, pixels = models["domains"], photo()
    view.open("artifact=domains")
    give(view, "drop", file_of(pixels))
    view.page.get_by_label("Direction").select_option("translate back")
    grey = np.asarray(Image.fromarray(pixels).convert("L"))[None, ..., None]
    check(view.ready(), model.translate_back(grey), model)
    assert view.state["direction"] == "translate_back"
    view.load(urlsplit(view.page.url).fragment)
    assert view.page.get_by_label("Direction").input_value() == "translate_back"
    view.page.get_by_label("Model").select_option("labels")
    assert "direction" not in view.ready().state and not view.page.get_by_label("Direction").is_visible()


def test_an_upscaled_image_lies_over_its_input(view, models):
    """Of four times the pixels, in the same place of the page, so that the slider divides one picture."""
    model, pixels = models["larger"], photo()
    view.open("artifact=larger")
    give(view, "drop", file_of(pixels))
    assert (view.image("#given") == pixels).all()
    assert view.image().shape == (52, 88, 3)
    check(view, model.upscale(pixels[None]), model)
    boxes = [view.page.locator(canvas).bounding_box() for canvas in ("#given", "#picture")]
    assert all(abs(boxes[0][side] - boxes[1][side]) < 0.5 for side in ("x", "y", "width", "height"))
    give(view, "paste", file_of(np.zeros((8, 1024, 3), np.uint8)))
    assert view.image("#given").shape == (1, 128, 3) and view.image().shape[:2] == (4, 512)


def test_a_large_image_is_made_smaller(view):
    view.open("artifact=labels")
    give(view, "drop", file_of(np.zeros((4, 1024, 3), np.uint8)))
    assert view.image("#given").shape == (2, 512, 3) and view.image().shape[:2] == (2, 512)


def test_one_draws_in_the_colours_of_the_labels(view, models):
    model = models["labels"]
    view.open("artifact=labels")
    sheet = view.page.get_by_role("application", name="Drawing")
    view.page.get_by_role("radio", name="Colour 2, 255 80 0").check(force=True)
    view.page.get_by_role("button", name="Fill all").click()
    view.page.get_by_role("radio", name="Colour 3, 32 255 224").check(force=True)
    view.page.get_by_label("Width of the pen").fill("4")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    view.page.mouse.move(box["x"] + box["width"] * 4.5 / 20, box["y"] + box["height"] * 8.5 / 18)
    view.page.mouse.down()
    view.page.mouse.move(box["x"] + box["width"] * 12.5 / 20, box["y"] + box["height"] * 8.5 / 18)
    view.page.mouse.up()
    want = np.empty((18, 20, 3), np.uint8)
    want[:], want[7:11, 3:15] = COLOURS[1], COLOURS[2]
    assert (view.ready().image("#drawing") == want).all() and (view.image("#given") == want).all()
    check(view, model.translate(want[None], 0), model)
    sheet.press("ArrowDown")
    sheet.press("ArrowDown")
    sheet.press("Space")
    want[15:18, 11:15] = COLOURS[2]
    check(view.ready(), model.translate(want[None], 0), model)
    assert not view.open("artifact=domains").page.locator("#drawing").is_visible()


def test_a_slider_divides_input_and_translation(view):
    view.open("artifact=domains")
    clip = "getComputedStyle(document.querySelector('#given')).clipPath"
    assert view.page.evaluate(clip) == "inset(0px 50% 0px 0px)"
    view.page.get_by_label("Input on the left, translation on the right").fill("20")
    assert view.page.evaluate(clip) == "inset(0px 80% 0px 0px)"
    box = view.page.locator("#compare").bounding_box()
    view.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 9)
    assert abs(float(view.page.get_by_label("Input on the left").input_value()) - 75) <= 1


def test_what_is_no_image_is_one_line(view, models):
    view.open("artifact=domains")
    before = view.image()
    give(view, "drop", {"name": "letter.txt", "buffer": b"dear"})
    assert view.text("#error") == "letter.txt is no image that the browser can read."
    assert (view.image() == before).all()
    give(view, "paste", file_of(photo()))
    check(view, models["domains"].translate(photo()[None]), models["domains"])
    assert view.text("#error") == ""


def test_controls_have_names_and_the_phone_is_wide_enough(view):
    view.open("artifact=labels")
    named = "one => one.labels?.length || one.getAttribute('aria-label') || one.innerText"
    for control in view.page.locator(
        "input:visible, select:visible, button:visible, [role=application]"
    ).all():
        assert control.evaluate(named)
    try:
        view.page.set_viewport_size({"width": 360, "height": 740})
        assert view.page.evaluate("document.documentElement.scrollWidth") <= 360
    finally:
        view.page.set_viewport_size({"width": 1000, "height": 800})


def test_translators_that_a_page_cannot_show_are_named(models, tmp_path):
    export.to_onnx(only(CycleGAN(**CycleGAN.tiny, seed=0), "translate"), tmp_path / "bare")
    with pytest.raises(InputError, match=r"has no inputs\.png, with which the page begins"):
        pages.write([tmp_path / "bare"], tmp_path / "site")
    assert not (tmp_path / "site").exists()
