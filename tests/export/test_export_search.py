"""The step of the search that fills holes, exported: it goes where Python goes, and on the page."""

import re

import numpy as np
import pageview
import pytest
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
    """An artifact of the shipped DCGAN with the step, in both formats: its writing has compared them."""
    folder = tmp_path_factory.mktemp("search") / "dcgan"
    with pytest.MonkeyPatch.context() as patch:
        only_of(patch, DCGAN, "latents", "generate", "sample")
        artifact.make(NAME, folder, ["saved_model", "onnx"], search=True)
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


@pytest.mark.parametrize("model", [VAE, CGAN])
def test_models_of_both_kinds_and_with_labels_are_written(model, tmp_path):
    """A VAE's prior is that of its codes; a conditional model concatenates, whose slope is cut apart."""
    model = model(**model.tiny, seed=0)
    model.signatures = dict
    rows = export.write(model, tmp_path / "one", {"onnx": export.onnx}, further=search.step_of)
    assert [(row.signature, row.ok) for row in rows] == [("inpaint_step", True)]


@pytest.mark.parametrize(
    "model, message", [(InfoGAN, "that of InfoGAN is parts"), (PixelCNN, "has no codes that it decodes")]
)
def test_models_that_cannot_be_searched_are_named(model, message):
    with pytest.raises(InputError, match=message):
        search.step_of(model(**model.tiny))


@PAGES
def test_the_page_fills_a_hole_that_one_paints(made, tmp_path):
    pages.write([made], tmp_path / "site")
    model = tfgen.load(NAME)
    image = to_uint8(model.sample(1, seed=3), model.value_range)[0]
    with pageview.served(tmp_path / "site") as address, pageview.tab(address) as view, pageview.sound(view):
        view.open("artifact=dcgan&seed=3")
        assert np.abs(view.image("#filled").astype(int) - image).max() <= 1
        sheet = view.page.get_by_role("application", name="Image to paint a hole on")
        view.page.get_by_label("Width of the hole's pen").fill("6")
        sheet.scroll_into_view_if_needed()
        box = sheet.bounding_box()
        at = [box["width"] / 28, box["height"] / 28]
        view.page.mouse.move(box["x"] + 10.5 * at[0], box["y"] + 14.5 * at[1])
        view.page.mouse.down()
        view.page.mouse.move(box["x"] + 17.5 * at[0], box["y"] + 14.5 * at[1])
        view.page.mouse.up()
        view.page.wait_for_selector("#hole-status:has-text('after 500 steps')")
        hidden = np.zeros((28, 28), bool)
        hidden[12:18, 8:21] = True
        painted = view.image("#hole")
        assert ((painted == [0x3D, 0x4F, 0xC4]).all(-1) == hidden).all()
        filled = view.image("#filled").astype(int)
        assert np.abs(filled - image)[~hidden].max() <= 1
        first, last = map(
            float, re.findall(r"Loss ([\d.]+) at first, ([\d.]+) after", view.text("#hole-status"))[0]
        )
        assert last < 0.5 * first
        errors = np.abs(filled - image)[hidden].mean(), np.abs(np.int_(image)[hidden] - 127).mean()
        assert errors[0] < 0.5 * errors[1]  # the model made the image, so it finds nearly what was there
        view.page.get_by_role("button", name="No hole").click()
        assert np.abs(view.image("#hole").astype(int) - image).max() <= 1
        view.page.get_by_label("Width of the hole's pen").press("End")
        for row in range(4, 28, 7):
            for column in range(4, 28, 7):
                sheet.click(position={"x": column * at[0], "y": row * at[1]})
        said = "The hole is the whole image; leave some pixels known."
        view.page.wait_for_selector(f"#error:has-text('{said}')")
