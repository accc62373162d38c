"""Artifacts of models that continue clips: the card, its program, and what a page says."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_export_artifact import ALONE

from export import artifact, page
from export.serving.inputs import Inputs, Refused
from tfgen.errors import InputError
from tfgen.models import FramePredictor


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the model, its artifact)."""
    root = tmp_path_factory.mktemp("clips")
    model = FramePredictor(**{**FramePredictor.tiny, "adversarial_weight": 0.0}, seed=0)
    model.save(root / "model.keras")
    artifact.make(root / "model.keras", root / "artifact", ["saved_model", "onnx"])
    return model, root / "artifact"


def test_the_cards_program_continues_the_cards_clip(made):
    """In a process that has neither tfgen nor TensorFlow."""
    model, folder = made
    text = (folder / "README.md").read_text()
    assert "![a drawing that moves, and the frames that the model has follow](samples.png)" in text
    assert "takes 2 frames of any height and width that are multiples of 2 and gives the 1 that" in text
    (program,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    subprocess.run([sys.executable, "-P", "-c", ALONE + program], cwd=folder, check=True, env={})
    with np.load(folder / "clip.npz") as clip, np.load(folder / "following.npz") as following:
        frames, after = clip["frames"], following["frames"]
    assert frames.shape == (2, 26, 26, 1) and (frames[0] != frames[1]).any()
    want = (np.asarray(model.extend(frames[None], 1))[0] + 1) * 127.5
    assert after.shape == (1, 26, 26, 1) and abs(after - want).max() <= 0.6
    shown = np.asarray(Image.open(folder / "samples.png"))
    assert shown.shape == (26, 3 * 26 + 2) and abs(shown[:, -26:] - want[0, ..., 0]).max() <= 0.6
    (folder / "following.npz").unlink()


def test_a_page_says_what_it_shows(made):
    with pytest.raises(
        InputError, match=r"the page shows models that sample or translate, and .* has no such"
    ):
        page.described(made[1])


def test_a_server_checks_the_size_of_frames(made):
    signature = json.loads((made[1] / "manifest.json").read_text())["signatures"]["extend"]
    assert signature["role"] == "extender"
    taken = Inputs(signature, 4)

    def given(*shape):
        return [("frames", "FP32", list(shape), np.zeros(shape, "float32").tobytes())]

    assert taken.arrays(given(1, 2, 30, 28, 1))["frames"].shape == (1, 2, 30, 28, 1)
    with pytest.raises(Refused, match="multiples of 2; received 30x27"):
        taken.arrays(given(1, 2, 30, 27, 1))
    with pytest.raises(Refused, match="must have shape"):
        taken.arrays(given(1, 3, 30, 28, 1))
