"""`tfgen list` and `tfgen show`."""

import inspect
import shlex
import sys
from typing import Annotated

import typer

from tfgen.cli.console import import_tensorflow
from tfgen.models import get
from tfgen.models.registry import catalogue


def table():
    """Lists the models by family.

    \b
    Example:
      tfgen list
    """
    width = max(map(len, catalogue()))
    families = dict.fromkeys(entry.family for entry in catalogue().values())
    for family in families:
        print(family)
        for name, entry in catalogue().items():
            if entry.family == family:
                print(f"  {name:{width}}  {entry.year}  {entry.title}")
    print(f"\n{len(catalogue())} models; `tfgen show NAME` tells more of one, `tfgen train NAME` trains it")


def show(model: Annotated[str, typer.Argument(help="A name of `tfgen list`.")]):
    """Tells of a model: paper, parameters, recipe.

    \b
    Example:
      tfgen show dcgan
    """
    import_tensorflow()
    cls = get(model)
    from tfgen import arguments

    entry, recipe = catalogue()[model.lower()], cls.recipe
    print(f"{entry.cls} ({entry.family}, {entry.year})\n")
    print(f"{inspect.getdoc(sys.modules[cls.__module__])}\n\n{inspect.getdoc(cls)}\n")
    print("Parameters (--set NAME=VALUE) and their defaults:")
    for name, parameter in arguments.of_model(cls).items():
        print(f"  {name} = {parameter.default!r}")
    command = ["tfgen", "train", model.lower(), "--data", recipe.dataset]
    command += ["--epochs", str(recipe.epochs), "--batch-size", str(recipe.batch_size)]
    for option, values in (("--set", recipe.model), ("--data-set", recipe.data)):
        for name, value in values.items():
            command += [option, f"{name}={value}".replace(" ", "")]
    print(f"\nRecipe, which `tfgen train {model.lower()} --out RUN` runs:\n  {shlex.join(command)} --out RUN")
    net = cls(**recipe.model)
    print(f"\nObjectives{', in order of play:' if net.objectives() else ': none, see above'}")
    for name, objective in net.objectives().items():
        networks = ", ".join(f"{n.name} ({n.count_params():,} parameters)" for n in objective.networks)
        often = "" if objective.every == 1 else f", every {objective.every} batches"
        print(f"  {name}: updates {networks}{often}")
        print(f"    logs {', '.join((f'{name}_loss', *objective.logs))}")
    print(f"\nExports: {', '.join(net.signatures())}")
