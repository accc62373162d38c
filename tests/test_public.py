"""What `import tfgen` offers: each name can be imported alone, and says what it is for."""

import gc
import inspect
import subprocess
import sys

import pytest

import tfgen
from tfgen.environment import importing


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


def functions():
    """The functions that `import tfgen` offers, by name."""
    for name in tfgen.__all__:
        value = getattr(tfgen, name)
        if inspect.isfunction(value):
            yield f"tfgen.{name}", value
        if inspect.ismodule(value):
            ours = [n for n, f in vars(value).items() if getattr(f, "__module__", "") == value.__name__]
            for each in getattr(value, "__all__", ours):
                if inspect.isfunction(getattr(value, each)) and not each.startswith("_"):
                    yield f"tfgen.{name}.{each}", getattr(value, each)


def test_a_public_function_says_what_it_takes_and_returns():
    bare = {}
    for name, function in functions():
        signature = inspect.signature(function)
        given = [p for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        missing = [p.name for p in given if p.annotation is p.empty]
        missing += ["return"] if signature.return_annotation is signature.empty else []
        if missing:
            bare[name] = missing
    assert not bare
    assert len(dict(functions())) > 50


def test_modules_are_imported_when_they_are_asked_for():
    code = (
        "import sys; sys.argv = ['tfgen']\n"
        "import tfgen\n"
        "print('tensorflow' in sys.modules, tfgen.errors.__name__)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "tfgen.errors"]


def test_garbage_is_collected_again_after_the_imports():
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
