"""oneDNN is turned on before TensorFlow is imported, and never against the user's word."""

import os
import subprocess
import sys

import pytest

from tfgen import onednn

NAME = "TF_ENABLE_ONEDNN_OPTS"


@pytest.fixture
def environment(monkeypatch):
    """This process as it is before TensorFlow is imported, on a processor that was measured."""
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setattr(onednn.platform, "machine", lambda: "x86_64")
    return monkeypatch


def test_it_is_turned_on(environment):
    onednn.turn_on()
    assert os.environ[NAME] == "1"


def test_a_users_setting_stays(environment):
    environment.setenv(NAME, "0")
    onednn.turn_on()
    assert os.environ[NAME] == "0"


def test_what_cannot_be_changed_any_more_is_not_claimed(environment):
    environment.setitem(sys.modules, "tensorflow", os)
    onednn.turn_on()
    assert NAME not in os.environ


def test_a_processor_that_was_not_measured_is_left_alone(environment):
    environment.setattr(onednn.platform, "machine", lambda: "aarch64")
    onednn.turn_on()
    assert NAME not in os.environ


def test_the_package_turns_it_on():
    left = {name: value for name, value in os.environ.items() if name != NAME}
    code = f"import sys; sys.argv = ['tfgen']; import tfgen, os; print(os.environ.get('{NAME}'))"
    out = subprocess.run([sys.executable, "-c", code], env=left, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ("1" if onednn.platform.machine() in ("x86_64", "AMD64") else "None")
