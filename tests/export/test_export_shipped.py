"""The models that come with tfgen, and weights that are stored by name."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from signed import only, only_of

import tfgen
from export import artifact, card, examples
from tfgen import export, models, pictures
from tfgen.errors import InputError
from tfgen.export import folders, saved_model, shipped, weights
from tools.ship import ship

ROOT = Path(__file__).parents[2]
# Bytes of model.sample(4, seed) of the float32 weights, for seeds 0 to 3: "NAME/SEED".
REFERENCE = ROOT / "tests" / "support" / "shipped.npz"
NAMES = tfgen.shipped()


@pytest.fixture(scope="module")
def loaded():
    return {name: shipped.load(name) for name in NAMES}


def test_they_have_names():
    assert {"dcgan-fashion_mnist", "vae-mnist"} <= {*NAMES}
    with pytest.raises(InputError, match="unknown shipped model 'vae-minst'; did you mean vae-mnist"):
        shipped.load("vae-minst")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_keeps_the_images_of_its_seeds(loaded, name):
    model = loaded[name]
    exact = "in float32" in (shipped.FOLDER / name / "README.md").read_text()
    with np.load(REFERENCE) as reference:
        for seed in range(4):
            got = pictures.to_uint8(model.sample(4, seed=seed), model.value_range)
            gap = np.abs(np.int16(got) - reference[f"{name}/{seed}"])
            # Two machines may round a value to either side; float16 moves 1 in 30.
            assert gap.max() <= 1 and (gap > 0).mean() < (0.001 if exact else 1 / 30)
    assert sum(path.stat().st_size for path in (shipped.FOLDER / name).iterdir()) <= shipped.LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_its_picture_and_card_are_its_own(loaded, name):
    folder, model = shipped.FOLDER / name, loaded[name]
    shown = np.int16(Image.open(folder / "samples.png"))
    assert np.abs(shown - np.int16(examples.strip(model, examples.SHOWN))).max() <= 1
    text = (folder / "README.md").read_text()
    assert text == card.of_shipped(name, model, shipped.described(name), "in float32" in text)
    (program,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(program, drawn := {})
    np.testing.assert_allclose(drawn["images"], model.sample(8, seed=0), atol=1e-6)


def test_every_format_is_made_of_a_shipped_model(loaded, tmp_path, monkeypatch):
    only_of(monkeypatch, type(loaded["cvae-mnist"]), "decode", "sample")
    manifest = artifact.make("cvae-mnist", tmp_path / "cvae", ["saved_model", "onnx"])
    assert manifest["labels"] == list("0123456789") and manifest["run"]["epochs"] == 20
    assert "| frechet | 2.202 |" in (tmp_path / "cvae" / "README.md").read_text()
    found = {format: [*told["differences"]] for format, told in manifest["formats"].items()}
    assert found == {"saved_model": ["decode", "sample"], "onnx": ["decode", "sample"]}
    again = export.load(tmp_path / "cvae")
    np.testing.assert_allclose(again.sample(3, seed=5), loaded["cvae-mnist"].sample(3, seed=5), atol=1e-6)


def test_a_model_is_shipped_with_its_averages_once(tmp_path):
    model = models.get("vae")(
        image_shape=(8, 8, 1), latent_dim=2, width=8, body="dense", ema_decay=0.5, seed=3
    )
    rng = np.random.default_rng(0)
    for variable in model.weights[2:]:
        variable.assign(np.abs(rng.normal(size=variable.shape)))
    ship(model, {}, "mine", tmp_path)
    with np.load(tmp_path / "mine" / "weights.npz") as arrays:
        assert {name.split("/")[0] for name in arrays} == {"encoder", "decoder"}
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, weights.named(model)[f"averages/{name}"])


def test_names_do_not_depend_on_what_was_made_before():
    build = models.get("dcgan")
    arguments = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0)
    first = weights.named(build(**arguments))
    models.get("pixelcnn")(image_shape=(8, 8, 1), width=8, depth=1, levels=2)
    second = weights.named(build(**arguments))
    assert [*first] == [*second] and "generator/conv2d_transpose/kernel" in first
    assert any(first[name].path != second[name].path for name in first)  # Keras' own do
    with pytest.raises(InputError, match="has weights 'generator/dense_9/kernel' of shape"):
        weights.assign(build(**arguments), {"generator/dense_9/kernel": np.zeros((4, 2))}, "a file")


def test_the_digest_of_weights_follows_the_weights_alone(tmp_path):
    model = models.get("dcgan")(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0, ema_decay=0.5)

    def digest(model):
        return weights.digest(weights.named(model))

    first = digest(model)
    model.sample(2)  # counted, in `asked`
    model.save(tmp_path / "model.keras")
    assert digest(model) == digest(keras.models.load_model(tmp_path / "model.keras")) == first
    bias = model.averages["generator"].weights[-1]  # which `sample` uses
    bias.assign(bias + 1)
    assert digest(model) != first


def test_an_export_of_an_earlier_format_is_refused_in_one_line(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(old := {"format": 1, "files": {}}))
    (tmp_path / "manifest.json").write_text(json.dumps({**old, "sha256": folders._digest_of(old)}))
    with pytest.raises(InputError, match="manifest of format 1; this tfgen reads 2: export it again"):
        folders.opened(tmp_path)


def test_a_saved_model_has_weights_by_name(tmp_path):
    model = only(models.get("dcgan")(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0), "generate")
    export.to_saved_model(model, tmp_path / "m")
    stored = saved_model.weights(tmp_path / "m" / "saved_model")
    named = weights.named(model)
    assert "generator/dense/kernel" in stored and stored.keys() < named.keys()
    for name, array in stored.items():
        np.testing.assert_array_equal(array, named[name])
