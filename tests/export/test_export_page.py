"""The page draws in headless Chromium what the models draw in Python, by clicks and by keys alone."""

import json
import shutil
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import numpy as np
import onnxslim
import pageview
import pytest
import tensorflow as tf
from needs import PAGES
from pageview import check
from scipy.stats import norm

from export import page as pages
from tfgen import export
from tfgen.errors import InputError
from tfgen.models import CVAE, DCGAN, GAN3D, VAE, Attribute2Image, BigGAN, CaloGAN, InfoGAN, PixelCNN
from tfgen.pictures import to_uint8, views

pytestmark = [PAGES, pytest.mark.timeout(300)]
SHAPE = (8, 8, 1)
NAMES = ["shirt", "shoe", "bag"]


@pytest.fixture(scope="module")
def models():
    """Models whose images have contrast, as trained ones' have."""
    made = {
        "vae": VAE(seed=1, image_shape=SHAPE, latent_dim=2, width=8),
        "cvae": CVAE(seed=1, image_shape=SHAPE, latent_dim=4, width=8, classes=3),
        "dcgan": DCGAN(seed=1, image_shape=(8, 8, 3), latent_dim=14, width=8),
        "faces": Attribute2Image(
            seed=1, image_shape=SHAPE, attributes=2, latent_dim=4, background_dim=0, width=8
        ),
        "pixels": PixelCNN(seed=1, image_shape=SHAPE, levels=4, width=8, depth=1),
        "big": BigGAN(**BigGAN.tiny, seed=1),
        "volumes": GAN3D(**{**GAN3D.tiny, "image_shape": (8, 8, 16, 1)}, seed=1),
        "showers": CaloGAN(**CaloGAN.tiny, seed=1),
        "codes": InfoGAN(seed=1, image_shape=SHAPE, width=8, latent_dim=6, categories=3, continuous=1),
    }
    rng = np.random.default_rng(0)
    for name, scale in {**dict.fromkeys(made, 0.3), "pixels": 0.1, "showers": 0.1}.items():
        for weight in made[name].trainable_variables:
            weight.assign(weight + rng.normal(0, scale, weight.shape))
    return made


def unasked(model, specs):
    """A sampler in name, of few operations: each image is grey, and each input has a say."""

    def sample(*inputs):
        given = {spec.name: one for spec, one in zip(specs, inputs)}
        n, seed = given.pop("n"), tf.cast(given.pop("seed") % 1009, tf.float32)
        others = sum(tf.reduce_mean(tf.cast(one, tf.float32)) for one in given.values())
        return tf.fill((n, *model.image_shape), seed + others)

    return sample


@pytest.fixture(scope="module")
def artifacts(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    for name, model in models.items():
        every = model.signatures()
        if "latents" in every:  # the page then asks for no samples
            every["sample"] = (unasked(model, every["sample"][1]), every["sample"][1])
        used = ("latents", "decode", "generate", "sample", "grow")  # the others take long
        model.signatures = {one: every[one] for one in used if one in every}.copy
        told = {"labels": NAMES if name == "cvae" else []}
        slim = onnxslim.slim if name == "vae" else lambda proto: proto  # takes a quarter of the time
        with mock.patch("onnxslim.slim", slim):
            export.write(
                model, folder / name, {"onnx": export.onnx}, lambda _, manifest: manifest.update(told)
            )
    return [folder / name for name in models]


@pytest.fixture(scope="module")
def site(artifacts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "site"
    pages.write(artifacts, folder)
    return folder


@pytest.fixture(scope="module")
def served(site):
    with pageview.served(site) as address:
        yield address


@pytest.fixture(scope="module")
def tab(served):
    with pageview.tab(served) as tab:
        tab.load("artifact=vae")
        assert any(url.endswith(".wasm") for url in tab.requests)
        yield tab


@pytest.fixture(name="view")
def sound(tab):
    with pageview.sound(tab):
        yield tab


LABELS = {"cvae": 2, "faces": [1.0, 0.0]}


@pytest.mark.parametrize("name", ["vae", "cvae", "dcgan", "faces", "pixels", "codes"])
def test_samples_are_those_of_python_for_the_same_seed(view, models, name):
    label = LABELS.get(name)
    chosen = "" if label is None else f"&class={label if name == 'cvae' else '1,0'}"
    view.open(f"artifact={name}&seed=70000000007{chosen}")
    images = models[name].sample(16, seed=70000000007, **({} if label is None else {"labels": label}))
    for i in (0, 5, 15):
        check(view.image("#samples canvas", i), images[i], models[name])
    check(view.image(), images[0], models[name])
    view.page.get_by_role("radio", name="Sample 6", exact=True).check()
    check(view.ready().image(), images[5], models[name])
    assert view.state["sample"] == "5"


def test_seed_class_and_link(view, models):
    view.open("artifact=cvae")
    view.page.get_by_label("Seed", exact=True).fill("9223372036854775807")
    view.page.get_by_label("Class", exact=True).select_option("bag")
    image = models["cvae"].sample(1, seed=2**63 - 1, labels=2)[0]
    check(view.ready().image(), image, models["cvae"])
    view.page.wait_for_selector("#status:has-text('9223372036854775807, class bag')")
    assert view.text("#status").startswith("Image 1 of seed 9223372036854775807, class bag, drawn in ")
    link = urlsplit(view.page.url).fragment
    view.load(link)
    check(view.image(), image, models["cvae"])
    view.page.get_by_role("button", name="New seed").click()
    seed = int(view.ready().state["seed"])
    check(view.image(), models["cvae"].sample(1, seed=seed, labels=2)[0], models["cvae"])
    assert seed != 2**63 - 1
    view.page.get_by_label("Model").select_option("faces")
    view.page.get_by_label("1", exact=True).check()
    check(view.ready().image(), models["faces"].sample(1, seed=seed, labels=[0.0, 1.0])[0], models["faces"])


@pytest.mark.parametrize("name", ["vae", "dcgan"])
def test_slider_moves_one_number_of_the_latent(view, models, name):
    model = models[name]
    draw = model.decode if name == "vae" else model.generate
    z = model.latents_from_seed(3, 16).numpy()[:1]
    view.open(f"artifact={name}&seed=3")
    before = view.image()
    slider = view.page.get_by_label("z2", exact=True)
    slider.fill("-0.6" if z[0, 1] > 0 else "0.6")
    z[0, 1] = float(slider.input_value())
    check(view.ready().image(), draw(z)[0], model)
    assert (view.image() != before).any()
    np.testing.assert_allclose(view.z, z, atol=1e-5)
    view.load(urlsplit(view.page.url).fragment)
    check(view.image(), draw(z)[0], model)
    view.page.get_by_role("button", name="Back to the sample").click()
    assert (view.ready().image() == before).all() and "z" not in view.state


def test_a_category_is_chosen_and_never_mixed(view, models):
    model = models["codes"]
    z = model.latents_from_seed(3, 16).numpy()[:1]
    view.open("artifact=codes&seed=3")
    select = view.page.get_by_label("Category")
    assert select.input_value() == str(z[0, :3].argmax())
    assert not view.page.get_by_label("z1", exact=True).count()
    other = (z[0, :3].argmax() + 1) % 3
    select.select_option(str(other))
    z[0, :3] = np.eye(3)[other]
    check(view.ready().image(), model.generate(z)[0], model)
    np.testing.assert_allclose(view.z, z, atol=1e-5)
    view.page.get_by_label("z4", exact=True).fill("0.5")
    z[0, 3] = 0.5
    check(view.ready().image(), model.generate(z)[0], model)
    view.page.get_by_label("Other seed").fill("8")
    a, b = (model.latents_from_seed(seed, 1).numpy()[0] for seed in (3, 8))  # the way begins at the sample
    way = np.concatenate([a[:3], 0.75 * a[3:] + 0.25 * b[3:]])[None]
    view.ready()
    check(view.image("#path canvas", 2), model.generate(way)[0], model)


def test_no_empty_band_follows_the_seed(view):
    view.open("artifact=vae")
    form, seed = (
        view.page.locator(name).bounding_box() for name in ("#controls", "#controls > .field:nth-child(2)")
    )
    assert form["y"] + form["height"] - (seed["y"] + seed["height"]) < 4
    view.page.get_by_label("Seed", exact=True).fill("-1")
    assert view.page.locator("#error").bounding_box()["height"] > 15


def test_only_the_newest_move_counts(view, models):
    view.load("artifact=vae&seed=3")
    view.page.evaluate("""() => {
        const paint = CanvasRenderingContext2D.prototype.putImageData;
        window.painted = 0;
        CanvasRenderingContext2D.prototype.putImageData = function (...all) {
            window.painted += this.canvas.id === "picture";
            paint.apply(this, all);
        };
        const slider = document.querySelector("#latent input");
        for (let i = -20; i <= 20; i++) { slider.value = i / 10; slider.dispatchEvent(new Event("input")); }
    }""")
    check(view.ready().image(), models["vae"].decode(view.z)[0], models["vae"])
    assert view.z[0, 0] == 2 and view.page.evaluate("painted") == 1


@pytest.mark.parametrize("name", ["vae", "dcgan"])
def test_path_to_another_seed(view, models, name):
    model = models[name]
    draw = model.decode if name == "vae" else model.generate
    view.open(f"artifact={name}&seed=3&sample=2")
    view.page.get_by_label("Other seed").fill("8")
    a, b = model.latents_from_seed(3, 3).numpy()[2], model.latents_from_seed(8, 1).numpy()[0]
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    weights = np.sin([angle * 5 / 8, angle * 3 / 8]) / np.sin(angle) if name == "vae" else (5 / 8, 3 / 8)
    z = np.float32([weights[0] * a + weights[1] * b])
    view.ready()
    for i, wanted in ((0, a[None]), (3, z), (8, b[None])):
        check(view.image("#path canvas", i), draw(wanted)[0], model)
    view.page.get_by_role("radio", name="Step 4").check()
    check(view.ready().image(), draw(z)[0], model)


def test_latent_plane_by_click_and_by_arrows(view, models):
    vae = models["vae"]
    view.open("artifact=vae")
    plane = view.page.get_by_role("application")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    plane.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.1})
    check(view.ready().image(), vae.decode(norm.ppf([[0.25, 0.9]]).astype("float32"))[0], vae)
    np.testing.assert_allclose(view.z, norm.ppf([[0.25, 0.9]]), atol=0.02)  # a click hits a whole pixel
    z = view.z
    for key, axis, sign in (
        ("ArrowRight", 0, 1),
        ("ArrowUp", 1, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowDown", 1, -1),
    ):
        plane.press(key)
        moved = view.ready().z
        assert np.sign(moved - z)[0, axis] == sign
        assert abs(moved - z)[0, 1 - axis] < 1e-4
        np.testing.assert_allclose(norm.cdf(moved) - norm.cdf(z), (moved != z) * sign / 26, atol=1e-4)
        check(view.image(), vae.decode(moved)[0], vae)
        z = moved
    # The tile of row 1 and column 2, of 13 on a side.
    tile = norm.ppf([[2.5 / 13, 1 - 1.5 / 13]]).astype("float32")
    check(view.image("#plane")[8:16, 16:24], vae.decode(tile)[0], vae)
    view.open("artifact=dcgan")
    assert not plane.is_visible()


def test_image_grows_line_by_line_and_stops(view, models):
    view.open("artifact=pixels&seed=5&temperature=0.5&sample=3")
    whole, warmer = (models["pixels"].sample(1, seed=5, temperature=one)[0] for one in (0.5, 1.0))
    assert np.mean(whole != warmer) > 0.1
    grow, stop = (view.page.get_by_role("button", name=name) for name in ("Draw line by line", "Stop"))
    # Stopped from within the page, for its lines do not wait for the test.
    view.page.evaluate("""() => {
        const watch = new MutationObserver(() => {
            if (document.querySelector("#lines").value !== 4) return;
            watch.disconnect();
            document.querySelector("#stop").click();
        });
        watch.observe(document.querySelector("#lines"), { attributes: true });
    }""")
    grow.click()
    view.page.wait_for_selector("#lines[value='4']")
    view.page.wait_for_timeout(300)
    assert view.page.locator("#lines").get_attribute("value") == "4" and stop.is_disabled()
    assert (view.image()[-1] == 0).all() and view.image().any()
    grow.click()
    view.page.wait_for_selector("#status:has-text(' lines, drawn in ')")
    check(view.image(), whole, models["pixels"])
    view.page.get_by_label("Temperature").press("End")
    check(view.ready().image(), warmer, models["pixels"])


def test_truncation_moves_the_latents_of_a_seed(view, models):
    view.open("artifact=big&seed=5&class=2&truncation=0.5&sample=3")
    images = models["big"].sample(16, seed=5, labels=2, truncation=0.5)
    for i in (0, 3, 15):
        check(view.image("#samples canvas", i), images[i], models["big"])
    check(view.image(), images[3], models["big"])
    view.page.get_by_label("Truncation").press("End")
    widest = models["big"].sample(4, seed=5, labels=2, truncation=3.0)[3]
    check(view.ready().image(), widest, models["big"])
    assert np.abs(widest - images[3]).max() > 0.05 and view.state["truncation"] == "3"
    assert not view.page.get_by_label("Temperature").is_visible()


def test_a_volume_is_seen_from_three_sides(view, models):
    model = models["volumes"]
    view.open("artifact=volumes&seed=5&sample=3")
    wanted = views(to_uint8(model.sample(4, seed=5)[3:], model.value_range))[0]
    for shown in (view.image(), view.image("#samples canvas", 3)):
        assert shown.shape[:2] == wanted.shape[:2] == (8, 40) and wanted.std() > 10
        assert np.abs(shown.astype(int) - wanted).max() <= 1
    # Wide pictures are shown wide enough to be seen.
    assert view.page.locator("#samples canvas").first.bounding_box()["width"] >= 120
    view.open("artifact=vae")
    assert view.page.locator("#samples canvas").first.bounding_box()["width"] < 80


def test_an_energy_is_asked_for_by_a_slider(view, models):
    model = models["showers"]
    view.open("artifact=showers&seed=5&class=80")
    check(view.image(), model.picture(model.sample(1, seed=5, labels=80.0))[0], model)
    slider = view.page.get_by_label("Label")
    assert slider.input_value() == "80" and view.text("#number-value") == "80 GeV"
    slider.press("ArrowLeft")
    assert view.ready().state["class"] == "79"
    slider.press("End")
    check(view.ready().image(), model.picture(model.sample(1, seed=5, labels=100.0))[0], model)
    view.page.wait_for_selector("#status:has-text('seed 5, 100 GeV, drawn in ')")
    assert not view.page.get_by_label("Class").is_visible()
    view.open("artifact=showers&class=120")
    assert view.text("#number-value") == "50.5 GeV"


def test_keyboard_alone(view, models):
    view.load("artifact=cvae")
    keys, focused = (
        view.page.keyboard,
        "document.activeElement.id || document.activeElement.parentElement.innerText",
    )
    seen = []
    for _ in range(40):
        keys.press("Tab")
        seen.append(view.page.evaluate(focused))
        outline = view.page.evaluate(
            "getComputedStyle(document.activeElement.closest('.gallery label') ?? document.activeElement)"
            ".outlineStyle"
        )
        assert outline != "none" or seen[-1] in ("", "main"), f"focus on {seen[-1]} is not seen"
        if seen[-1] == "seed":
            keys.press("Control+A")
            keys.type("12")
        elif seen[-1] == "class":
            keys.press("ArrowDown")
        elif seen[-1] == "reset":
            break
    assert ["artifact", "seed", "new", "class"] == seen[:4] and seen[-1] == "reset"
    check(view.ready().image(), models["cvae"].sample(1, seed=12, labels=1)[0], models["cvae"])
    view.page.locator("#samples input:checked").focus()
    keys.press("ArrowRight")
    check(view.ready().image(), models["cvae"].sample(2, seed=12, labels=1)[1], models["cvae"])
    slider = view.page.get_by_label("z1", exact=True)
    before = float(slider.input_value())
    slider.press("ArrowRight")
    assert float(slider.input_value()) > before
    check(view.ready().image(), models["cvae"].decode(view.z, np.int32([1]))[0], models["cvae"])


def test_bad_seed_is_one_line_and_the_page_lives_on(view, models):
    view.open("artifact=vae&seed=3&sample=3&z=1,1")
    field = view.page.get_by_label("Seed", exact=True)
    for seed, text in enumerate(["-1", "1.5", "", "9223372036854775808", "1e3"], 4):
        before = view.image()
        field.fill(text)
        said = view.text("#error")
        assert said == f"A seed is a whole number from 0 to 9223372036854775807; received {text or 'none'}."
        assert field.get_attribute("aria-invalid") == "true" and (view.image() == before).all()
        field.fill(str(seed))
        check(view.ready().image(), models["vae"].sample(1, seed=seed)[0], models["vae"])
        assert view.text("#error") == "" and field.get_attribute("aria-invalid") is None


def test_bad_links_are_said(view, models):
    view.open("artifact=nothing&seed=2")
    assert view.text("#error") == "No model here is named nothing."
    view.open("artifact=cvae&seed=x&class=9")
    assert view.text("#error").endswith("received x.")
    view.open("artifact=cvae&seed=2&class=9&sample=99&z=1,2&temperature=hot")
    check(view.image(), models["cvae"].sample(16, seed=2, labels=0)[15], models["cvae"])


def test_missing_file_is_one_line_and_the_page_lives_on(view, models, site):
    file = site / "artifacts" / "vae" / "decode.onnx"
    file.rename(file.with_suffix(".away"))
    view.load("artifact=vae")
    assert (
        view.text("#error") == "artifacts/vae/decode.onnx does not run: the server says 404 File not found."
    )
    view.page.get_by_label("Model").select_option("pixels")
    check(view.ready().image(), models["pixels"].sample(1, seed=0)[0], models["pixels"])
    assert view.text("#error") == ""
    file.with_suffix(".away").rename(file)
    view.page.get_by_label("Model").select_option("vae")
    check(view.ready().image(), models["vae"].sample(1, seed=0)[0], models["vae"])
    assert [text for text in view.problems if "404" not in text] == []
    view.problems.clear()


def test_browser_without_webassembly(tab):
    with tab.page.context.browser.new_context() as context:
        page = context.new_page()
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(tab.address)
        page.wait_for_selector("#error:not(:empty)")
        assert page.inner_text("#error") == "This browser has no WebAssembly, which draws here."


def test_each_control_has_a_name_and_the_phone_is_wide_enough(view):
    view.open("artifact=codes")
    for name in ("vae", "cvae", "dcgan", "faces", "pixels", "showers"):
        view.page.get_by_label("Model").select_option(name)
        view.ready()
        assert view.state["artifact"] == name
        _check_controls(view)


def _check_controls(view):
    tree = view.page.context.new_cdp_session(view.page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {
        "radio",
        "slider",
        "spinbutton",
        "combobox",
        "checkbox",
        "button",
        "application",
        "image",
        "progressbar",
    }
    roles |= {"radiogroup", "img", "Canvas"}
    found = [(one["role"]["value"], one.get("name", {}).get("value")) for one in tree if not one["ignored"]]
    found = [(role, text) for role, text in found if role in roles]
    assert len(found) > 36 and [role for role, text in found if not text] == []
    try:
        view.page.set_viewport_size({"width": 360, "height": 740})
        assert view.page.evaluate("document.documentElement.scrollWidth") <= 360
    finally:
        view.page.set_viewport_size({"width": 1000, "height": 800})


CONTRASTS = """() => {
    const bytes = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => bytes(text).slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * v, 0);
    const ground = (one) => {
        const { backgroundColor } = getComputedStyle(one);
        return bytes(backgroundColor)[3] === 0 ? ground(one.parentElement) : backgroundColor;
    };
    return ["h1", "header p", "#status", "#seed", "#class", "#new", "#reset", "#error", "footer a"]
        .map((name) => document.querySelector(name)).map((one) => {
            const [a, b] = [getComputedStyle(one).color, ground(one)].map(light).sort();
            return [one.id || one.tagName, (b + 0.05) / (a + 0.05)];
        });
}"""


def test_contrast_and_reduced_motion(view):
    view.open("artifact=vae")
    moving = "getComputedStyle(document.querySelector('#samples canvas')).transitionDuration"
    try:
        for scheme in ("light", "dark"):
            view.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert view.page.evaluate(moving) == "0s"
            low = {name: round(ratio, 1) for name, ratio in view.page.evaluate(CONTRASTS) if ratio < 4.5}
            assert low == {}, scheme
    finally:
        view.page.emulate_media(color_scheme="light", reduced_motion="no-preference")


# The command.


def test_command_replaces_a_page_and_nothing_else(site, artifacts, tmp_path, capsys):
    vae, other = artifacts[0], tmp_path / "other"
    pages.command([vae], tmp_path / "site")
    assert f"python -m http.server -d {tmp_path / 'site'}" in capsys.readouterr().out
    pages.command(artifacts[:2], tmp_path / "site")
    assert {path.name for path in (tmp_path / "site" / "artifacts").iterdir()} == {"vae", "cvae"}
    assert sorted(path.name for path in (tmp_path / "site" / "ort").iterdir()) == [
        "LICENSE",
        "ThirdPartyNotices.txt",
        "ort-wasm-simd-threaded.wasm",
        "ort.wasm.bundle.min.mjs",
    ]
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    copy = Path(shutil.copytree(vae, tmp_path / "copy"))
    for to, message in (
        (other, "no export"),
        (copy, "is an artifact"),
        (copy / "site", "lies in the artifact"),
    ):
        with pytest.raises(InputError, match=message):
            pages.write([copy], to)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]
    assert export.folders.opened(copy) == export.folders.opened(vae)


def test_artifacts_that_a_page_cannot_show_are_named(artifacts, models, tmp_path):
    with pytest.raises(InputError, match="two artifacts have the name 'vae'"):
        pages.write([artifacts[0], artifacts[0]], tmp_path / "site")
    export.to_saved_model(models["vae"], tmp_path / "no_onnx")
    with pytest.raises(InputError, match="has no onnx"):
        pages.write([tmp_path / "no_onnx"], tmp_path / "site")
    damaged = Path(shutil.copytree(artifacts[0], tmp_path / "damaged"))
    (damaged / "onnx" / "decode.onnx").write_bytes(b"")
    with pytest.raises(InputError, match="changed: onnx/decode"):
        pages.write([damaged], tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_page_asks_for_no_more_than_it_shows(site):
    shown = json.loads((site / "manifest.json").read_text())["artifacts"]
    assert {one["name"]: [*one["signatures"]] for one in shown} == {
        "vae": ["latents", "decode"],
        "cvae": ["latents", "decode"],
        "dcgan": ["latents", "generate"],
        "faces": ["latents", "decode"],
        "pixels": ["sample", "grow"],
        "big": ["latents", "generate"],
        "volumes": ["latents", "generate"],
        "showers": ["latents", "generate"],
        "codes": ["latents", "generate"],
    }
    assert all("http" not in (site / name).read_text() for name in ("app.js", "runtime.js", "style.css"))
