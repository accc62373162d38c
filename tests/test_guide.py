"""The guide to a new model, followed: its file is written, trained, saved and exported, its tests are run."""

import pathlib
import re
import sys

import keras
import numpy as np
import onnxruntime
import pytest

GUIDE = pathlib.Path(__file__).parents[1] / "tfgen/models/README.md"


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """The names that the guide's blocks define, in the order of the page, and the folder they write to."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    folder = tmp_path_factory.mktemp("guide")
    (folder / "imle_of_the_guide.py").write_text(blocks[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.chdir(folder)
        names = vars(__import__("imle_of_the_guide")).copy()
        for block in blocks[1:]:
            exec(block, names)
        yield names, folder
    del sys.modules["imle_of_the_guide"]


def test_its_model_is_saved_and_exported_whole(guide):
    names, folder = guide
    samples = names["model"].sample(5, seed=3)
    assert samples.shape == (5, 8, 8, 1)
    np.testing.assert_array_equal(keras.models.load_model(folder / "imle.keras").sample(5, seed=3), samples)
    session = onnxruntime.InferenceSession(folder / "artifact/onnx/sample.onnx")
    exported = session.run(None, {"seed": np.array(3), "n": np.array(5, "int32")})[0]
    np.testing.assert_allclose(exported, samples, atol=1e-5)


def test_its_tests_pass(guide):
    names, _ = guide
    tests = [name for name in names if name.startswith("test_")]
    assert len(tests) == 2
    for name in tests:
        names[name]()
