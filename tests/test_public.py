"""What `import tfgen` offers: each name can be imported alone, and says what it is for."""

import inspect
import subprocess
import sys

import pytest

import tfgen


@pytest.mark.parametrize("name", tfgen.__all__)
def test_a_public_name_is_there_and_documented(name):
    value = getattr(tfgen, name)
    assert name in dir(tfgen)
    assert isinstance(value, str) or inspect.getdoc(value)


@pytest.mark.parametrize("name", [name for name in tfgen.__all__ if name.islower() and name[0] != "_"])
def test_what_a_module_offers_is_documented(name):
    module = getattr(tfgen, name)
    if not inspect.ismodule(module):
        return
    assert set(getattr(module, "__all__", ())) <= set(dir(module))
    for found, value in vars(module).items():
        ours = getattr(value, "__module__", "").startswith("tfgen.") and not found.startswith("_")
        assert not ours or not callable(value) or inspect.getdoc(value), f"tfgen.{name}.{found}"


def test_modules_are_imported_when_they_are_asked_for():
    code = (
        "import sys; sys.argv = ['tfgen']\n"
        "import tfgen\n"
        "print('tensorflow' in sys.modules, tfgen.errors.__name__)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "tfgen.errors"]
