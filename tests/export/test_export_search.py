"""The step of the search that fills holes, exported: it goes where Python goes, and on the page."""

import re

import numpy as np
import pageview
import pytest
import tensorflow as tf
from needs import PAGES
from signed import only_of

import tfgen
from export import artifact
from export import page as pages
from tfgen import export, random
from tfgen.analysis import search
from tfgen.errors import InputError
from tfgen.models import CGAN, DCGAN, VAE, InfoGAN, PixelCNN
from tfgen.pictures import to_uint8

pytestmark = pytest.mark.timeout(300)
NAME = "dcgan-fashion_mnist"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An artifact of the shipped DCGAN with the step: its writing has compared them."""
    folder = tmp_path_factory.mktemp("search") / "dcgan"
    with pytest.MonkeyPatch.context() as patch:
        only_of(patch, DCGAN, "latents", "generate", "sample")
        artifact.make(NAME, folder, ["onnx"], search=True)
    return folder


def searched(session, start, steps, **given):
    """(codes, losses, images) of the best of so many steps."""
    z, momentum, best = start, np.zeros((len(start), 2, start.shape[1]), "float32"), None
    for k in range(steps + 1):
        feed = {**given, "z": z, "momentum": momentum, "k": np.array(k, np.int32)}
        inpainted, losses, momentum, ahead = session.run(None, feed)
        if best is None:
            best = [z.copy(), losses, inpainted]
        better = losses < best[1]
        for kept, new in zip(best, (z, losses, inpainted)):
            kept[better] = new[better]
        z = ahead
    return best


def test_steps_in_onnxruntime_are_the_search_of_python(made):
    model = tfgen.load(NAME)
    images, mask = model.sample(2, seed=5).numpy(), np.ones((28, 28, 1), "float32")
    mask[8:18, 10:20] = 0
    start = model.draw_codes(random.fold_in(random.key(0), 0), 2).numpy()
    other = np.where(mask > 0, images, np.float32(1))  # what is hidden has no influence
    session = export.onnx.session(made / "onnx" / "inpaint_step.onnx")
    z, losses, inpainted = searched(session, start, 25, images=other, mask=np.stack([mask, mask]))
    found = search.inpaint(model, images, mask, steps=25, starts=1, blend=False)
    first = search.inpaint(model, images, mask, steps=1, rate=0.0, starts=1, blend=False)
    assert (found.losses < 0.8 * first.losses).all()
    np.testing.assert_allclose(losses, found.losses, rtol=1e-3)
    np.testing.assert_allclose(z, found.z, atol=5e-3)
    np.testing.assert_allclose(inpainted, found.images, atol=5e-3)
    known = np.broadcast_to(mask > 0, images.shape)
    np.testing.assert_array_equal(inpainted[known], images[known])


@pytest.mark.parametrize("model, formats", [(VAE, [export.onnx]), (CGAN, [export.onnx, export.saved_model])])
def test_models_of_both_kinds_and_with_labels_are_written(model, formats, tmp_path):
    """A VAE's prior is that of its codes; a conditional model concatenates, whose slope is cut apart."""
    model = model(**model.tiny, seed=0)
    model.signatures = dict
    formats = {one.__name__: one for one in formats}
    rows = export.write(model, tmp_path / "one", formats, further=search.step_of)
    assert [(row.signature, row.ok) for row in rows] == [("inpaint_step", True)] * len(formats)


@pytest.mark.parametrize(
    "model, message", [(InfoGAN, "that of InfoGAN is parts"), (PixelCNN, "has no codes that it decodes")]
)
def test_models_that_cannot_be_searched_are_named(model, message):
    with pytest.raises(InputError, match=message):
        search.step_of(model(**model.tiny))


def written(method, folder):
    """The report of a method of images, as ONNX, whose outputs TensorFlow gave."""
    model = VAE(**VAE.tiny, seed=0)
    model.signatures = dict
    entry = method, [model.fields["images"].spec("images")]
    (row,) = export.write(model, folder, {"onnx": export.onnx}, further=lambda model: {"slope": entry})
    return row


def slope(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, output_gradients=y + 2)


def test_slopes_of_activations_are_tensorflow_s(tmp_path):
    nn = tf.nn
    activations = [nn.relu, lambda x: nn.leaky_relu(x, 0.3), nn.elu, tf.tanh, tf.sigmoid, nn.softplus]
    activations.append(lambda x: tf.math.rsqrt(tf.exp(x)))
    row = written(
        lambda images: tf.stack([slope(f, images - 0.5) for f in activations], axis=1), tmp_path / "all"
    )
    assert row.ok and row.difference < 1e-5


@pytest.mark.parametrize(
    "name, layer", [("AvgPoolGrad", tf.nn.avg_pool2d), ("MaxPoolGrad", tf.nn.max_pool2d)]
)
def test_slopes_of_pooling_are_refused_in_a_line(name, layer, tmp_path):
    said = f"'slope' cannot be written as ONNX: it uses {name} .*; omit --search, whose step is a gradient"
    with pytest.raises(InputError, match=said) as error:
        written(lambda images: slope(lambda x: layer(x, 2, 2, "VALID"), images), tmp_path / "one")
    assert "\n" not in str(error.value) and not (tmp_path / "one").exists()


@pytest.fixture(scope="module")
def view(made, tmp_path_factory):
    """The page with sample 0 of seed 3."""
    site = tmp_path_factory.mktemp("page") / "site"
    pages.write([made], site)
    with pageview.served(site) as address, pageview.tab(address) as view:
        view.open("artifact=dcgan&seed=3")
        yield view


@pytest.fixture(scope="module")
def image():
    model = tfgen.load(NAME)
    return to_uint8(model.sample(1, seed=3), model.value_range)[0].astype(int)


def drawn(view, name, start, end):
    """A straight stroke on a canvas, from (column, row) to another."""
    sheet = view.page.get_by_role("application", name=name)
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    (x, y), to = (
        [box[k] + (at + 0.5) * box["width"] / 28 for k, at in zip("xy", each)] for each in (start, end)
    )
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(*to)
    view.page.mouse.up()
    return sheet, box["width"] / 28


@PAGES
def test_the_page_fills_a_hole_that_one_paints(view, image):
    with pageview.sound(view):
        assert np.abs(view.image("#filled") - image).max() <= 1
        view.page.get_by_label("Width of the hole's pen").fill("6")
        sheet, pixel = drawn(view, "Image to paint a hole on", (10, 14), (17, 14))
        view.page.wait_for_selector("#hole-status:has-text('after 500 steps')")
        hidden = np.zeros((28, 28), bool)
        hidden[12:18, 8:21] = True
        painted = view.image("#hole")
        assert ((painted == [0x3D, 0x4F, 0xC4]).all(-1) == hidden).all()
        filled = view.image("#filled")
        assert np.abs(filled - image)[~hidden].max() <= 1
        first, last = map(
            float, re.findall(r"Loss ([\d.]+) at first, ([\d.]+) after", view.text("#hole-status"))[0]
        )
        assert last < 0.5 * first
        errors = np.abs(filled - image)[hidden].mean(), np.abs(image[hidden] - 127).mean()
        assert errors[0] < 0.5 * errors[1]  # the model made the image, so it finds nearly what was there
        view.page.get_by_role("button", name="No hole").click()
        assert np.abs(view.image("#hole") - image).max() <= 1
        view.page.get_by_label("Width of the hole's pen").press("End")
        for row in range(4, 28, 7):
            for column in range(4, 28, 7):
                sheet.click(position={"x": column * pixel, "y": row * pixel})
        said = "The hole is the whole image; leave some pixels known."
        view.page.wait_for_selector(f"#error:has-text('{said}')")
        view.page.get_by_role("button", name="No hole").click()
        assert view.text("#error") == ""


@PAGES
def test_the_page_searches_an_image_with_the_colours_that_one_paints(view, image):
    with pageview.sound(view):
        edited = view.image("#edited")
        assert np.abs(edited - image).max() <= 1
        view.page.get_by_label("Width of the brush").fill("4")
        view.page.get_by_label("Colour of the brush").fill("#ff0000")
        drawn(view, "Image to paint colours on", (6, 8), (20, 8))
        view.page.wait_for_selector("#strokes-status:has-text('after 200 steps')")
        inside = (view.image("#strokes") != image).any(-1)
        assert inside[7:11, 5:23].all() and inside.sum() == 4 * 18
        np.testing.assert_array_equal(view.image("#strokes")[inside], 76)  # red, as one channel has it

        def error():
            return np.abs(view.image("#edited").astype(int) - 76)[inside].mean()

        assert error() < 0.4 * np.abs(image - 76)[inside].mean()

        def shows(wanted):
            return all(np.abs(view.image(sheet) - wanted).max() <= 1 for sheet in ("#strokes", "#edited"))

        view.page.get_by_role("button", name="Undo").click()
        assert shows(image)
        drawn(view, "Image to paint colours on", (6, 8), (20, 8))
        view.page.get_by_role("button", name="No strokes").click()
        assert shows(image)
        view.page.get_by_role("button", name="Undo").click()
        view.page.wait_for_selector("#strokes-status:has-text('after 200 steps')")
        made = view.image("#edited").astype(int)
        assert error() < 0.4 * np.abs(image - 76)[inside].mean()
        assert np.abs(made - image)[~inside].mean() < np.abs(made - image[:, ::-1])[~inside].mean()
        view.page.get_by_role("button", name="Keep this image").click()
        view.ready()
        model = tfgen.load(NAME)
        pageview.check(view.image(), model.generate(view.z)[0].numpy(), model)
        assert np.abs(view.image() - made).max() <= 1 and shows(made)
