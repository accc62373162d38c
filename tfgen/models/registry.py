"""The catalogue: every model by family and year, read from the models' files without importing them.

A model is a class in tfgen/models/FAMILY/NAME.py, NAME being its name in lower case, under

    @model(title="Least Squares Generative Adversarial Networks", year=2017)
    class LSGAN(StandardGAN): ...

which registers it with Keras as "tfgen>LSGAN". No list is kept by hand.
"""

import ast
import functools
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Entry(NamedTuple):
    """What the catalogue says of a model.

    Attributes:
        cls: the name of the class, as "LSGAN"; the key of the entry is the same in lower case.
        module: below `tfgen.models`, as "adversarial.lsgan".
        family: the folder.
        year: of the paper's publication.
        title: of the paper.
    """

    cls: str
    module: str
    family: str
    year: int
    title: str


def model(*, title, year):
    """Class decorator: enters a model into the catalogue and registers it with Keras.

    Args:
        title: of the paper; a literal, for the catalogue is read from the file.
        year: of its publication; a literal.
    """

    def register(cls):
        import keras

        cls.title, cls.year = title, year
        return keras.saving.register_keras_serializable("tfgen")(cls)

    return register


def _entries(path):
    text = path.read_text()
    if "@model(" not in text:
        return
    for node in ast.parse(text).body:
        for call in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "model":
                said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
                module = f"{path.parent.name}.{path.stem}"
                yield Entry(node.name, module, path.parent.name, said["year"], said["title"])


@functools.cache
def catalogue():
    """{name in lower case: Entry}, by family and within it by year."""
    entries = [entry for path in sorted(HERE.glob("*/*.py")) for entry in _entries(path)]
    order = "mixture autoencoder variational autoregressive adversarial texttoimage translation"
    order = f"{order} superresolution video music sentences".split()
    place = {family: k for k, family in enumerate(order)}
    entries.sort(key=lambda entry: (place.get(entry.family, len(order)), entry.year, entry.cls))
    return {entry.cls.lower(): entry for entry in entries}
