"""Translators are exported for images of any size, and servers know which fit."""

import json
import math
import re

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from PIL import Image

from export import card
from export.serving.inputs import Inputs, Refused, of_rows
from tfgen import export
from tfgen.errors import InputError
from tfgen.export import golden
from tfgen.export.signature import Signature
from tfgen.models.abilities import Translates
from tfgen.models.base import GenerativeModel


class Halves(Translates, GenerativeModel):
    """A translator of any size: convolutions by 2 and up again, and a mean over the whole image."""

    multiple = 2
    image_shape = (8, 8, 1)
    input_values = {"inputs": {"distribution": "uniform", "low": -1.0, "high": 1.0}}

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            images = keras.Input((None, None, 3))
            x = keras.layers.Conv2D(4, 3, 2, "same", activation="tanh")(images)
            x = keras.layers.Conv2DTranspose(1, 4, 2, "same")(x)
            self.network = keras.Model(images, x - keras.ops.mean(x, (1, 2), keepdims=True))

    def translate(self, inputs):
        return self.network(inputs)

    def signatures(self):
        return {"translate": (self.translate, [SOURCE])}


SOURCE = tf.TensorSpec((None, None, None, 3), tf.float32, "inputs")


@pytest.fixture(scope="module")
def translator():
    return Halves(seed=0)


def test_a_translator_is_exported_for_any_size(translator, tmp_path, monkeypatch):
    folder = tmp_path / "x"

    def finish(folder, manifest):
        (folder / "README.md").write_text(card.text(translator, manifest, folder, None))

    formats = {"saved_model": export.saved_model, "onnx": export.onnx}
    export.write(translator, folder, formats, finish)
    export.verify(folder)
    told = json.loads((folder / "manifest.json").read_text())["signatures"]["translate"]
    assert told["role"] == "translator" and told["multiple"] == 2
    assert told["inputs"][0]["shape"] == [None, None, None, 3]
    cases = golden.load(folder / "golden/translate")
    assert [case.inputs["inputs"].shape[:3] for case in cases] == [(3, 8, 8), (1, 10, 12)]
    run = onnxruntime.InferenceSession(folder / "onnx/translate.onnx", providers=["CPUExecutionProvider"])
    assert run.get_inputs()[0].shape == ["batch", "height", "width", 3]
    rng = np.random.default_rng(0)
    for shape in ((2, 8, 8, 3), (1, 6, 14, 3), (3, 20, 4, 3)):
        image = np.float32(rng.uniform(-1, 1, shape))
        got = run.run(None, {"inputs": image})[0]
        np.testing.assert_allclose(got, translator.translate(image), atol=1e-5)
    text = (folder / "README.md").read_text()
    assert "any height and width that are multiples of 2" in text and "samples.png" not in text
    (program,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    photo = np.uint8(rng.integers(0, 256, (8, 8, 3)))
    Image.fromarray(photo).save(folder / "inputs.png")
    monkeypatch.chdir(folder)
    exec(program, names := {})
    want = translator.translate(np.float32(photo)[None] / 127.5 - 1)[0]
    np.testing.assert_allclose(names["translation"], want, atol=1e-5)


def test_a_server_takes_multiples_alone_and_shares_no_batch_of_sizes(translator):
    told = Signature(translator, "translate", translator.translate, [SOURCE]).described
    assert not of_rows(told)
    inputs = Inputs(told, 4)
    data = [0.5] * 72
    assert inputs.arrays([("inputs", "FP32", [1, 4, 6, 3], data)])["inputs"].shape == (1, 4, 6, 3)
    with pytest.raises(Refused, match="a height and a width that are multiples of 2; received 3x8"):
        inputs.arrays([("inputs", "FP32", [1, 3, 8, 3], data)])


def test_a_server_has_a_bound_on_pixels_and_knows_the_smallest_size(translator):
    told = Signature(translator, "translate", translator.translate, [SOURCE]).described
    assert (told["multiple"], told["smallest"], told["scale"]) == (2, 1, 1)
    for sizes, shape, line in (
        ({}, [2, 4, 6, 3], "may have 40 pixels, over all rows; received 48"),
        (
            {"scale": 2},
            [1, 2, 6, 3],
            "may have 10 pixels, over all rows; received 12, of which 48 would be made",
        ),
        ({"smallest": 5}, [1, 4, 8, 3], "that are multiples of 2, at least 5; received 4x8"),
    ):
        inputs = Inputs({**told, **sizes}, 4, 40)
        with pytest.raises(Refused, match=line):
            inputs.arrays([("inputs", "FP32", shape, [0.5] * math.prod(shape))])
        smaller = [1, 6, 6, 3] if "smallest" in sizes else [1, 2, 4, 3]
        assert len(inputs.arrays([("inputs", "FP32", smaller, [0.5] * math.prod(smaller))])["inputs"]) == 1


def test_free_sizes_are_a_translators(translator):
    with pytest.raises(InputError, match="the batch, may be free; of images to translate and of frames"):
        Signature(translator, "encode", translator.translate, [SOURCE])
    assert Signature(translator, "turn", translator.translate, [SOURCE], "translator").multiple == 2
