"""The table of contents: every model by family and year.

`from tfgen.models import WGANGP` and `get("wgangp")` import a model when it is asked for;
`list_models()` is read without TensorFlow.
"""

import fnmatch
import importlib
from collections.abc import Mapping

from tfgen.errors import InputError, unknown
from tfgen.models.registry import catalogue
from tfgen.models.uses import USES


def get(name: str) -> type:
    """The class of a model by its name in the catalogue, as "dcgan"; case does not matter."""
    entry = catalogue().get(str(name).lower())
    if use := USES.get(str(name).lower()):
        raise InputError(f"{use.name} is a use of other models: {use.how}; `tfgen show {name}` says more")
    if entry is None:
        raise unknown("model", name, catalogue())
    return getattr(importlib.import_module(f"tfgen.models.{entry.module}"), entry.cls)


def list_models(
    filter: str = "*", *, family: str | None = None, ability: type | str | None = None
) -> list[str]:
    """Names in the catalogue, by family and year.

    Args:
        filter: a pattern, as "*gan"; case does not matter.
        family: a folder of `tfgen.models`, as "adversarial".
        ability: a class of `tfgen.models.abilities`, or its name, as "Codes"; imports the models.

    Raises:
        InputError: an unknown family or ability.
    """
    families = dict.fromkeys(entry.family for entry in catalogue().values())
    if family is not None and family not in families:
        raise unknown("family", family, families)
    names = [
        name
        for name, entry in catalogue().items()
        if fnmatch.fnmatch(name, filter.lower()) and family in (None, entry.family)
    ]
    if ability is not None:
        from tfgen.models import abilities

        ability = abilities.get(ability) if isinstance(ability, str) else ability
        names = [name for name in names if issubclass(get(name), ability)]
    return names


def load_all() -> None:
    """Imports every model, which registers it with Keras."""
    return {name: get(name) for name in catalogue()}


class _Models(Mapping):
    def __getitem__(self, name):
        return get(name) if name in catalogue() else {}[name]

    def __iter__(self):
        return iter(catalogue())

    def __len__(self):
        return len(catalogue())


MODELS = _Models()  # {name: class}, each imported when it is looked up
__all__ = ["MODELS", "get", "list_models", "load_all", *(entry.cls for entry in catalogue().values())]


def __getattr__(name):
    entry = catalogue().get(name.lower())
    if entry is None or entry.cls != name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return get(name)


def __dir__():
    return __all__
