"""`tfgen list` and `tfgen show`."""

import inspect
import re
import shlex
import sys
from typing import Annotated

import typer

from tfgen.cli.console import import_tensorflow
from tfgen.models import list_models
from tfgen.models.advice import ADVICE
from tfgen.models.registry import catalogue
from tfgen.models.uses import USES


def table(
    family: Annotated[str | None, typer.Option(help="Only this family, as adversarial.")] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The trained models that come with the package.")
    ] = False,
):
    """Lists the models by family, and which to begin with for which data.

    \b
    Examples:
      tfgen list
      tfgen list --family adversarial
      tfgen list --shipped
    """
    if shipped:
        from tfgen.loading import shipped as names

        for name in names():
            print(name)
        print(
            f"\n{len(names())} trained models; `tfgen sample NAME` draws images, in Python tfgen.load(NAME)"
        )
        return
    names = list_models(family=family)
    width = max(map(len, names))
    for each in dict.fromkeys(catalogue()[name].family for name in names):
        print(each)
        for name in names:
            entry = catalogue()[name]
            if entry.family == each:
                print(f"  {name:{width}}  {entry.year}  {entry.title}")
    if family is None:
        print("uses of trained models")
        for use in USES.values():
            print(f"  {use.name.lower():{width}}  {use.year}  {use.title}")
        print("\nWhich model for which data")
        wide = max(len(advice.data) for advice in ADVICE)
        for advice in ADVICE:
            print(f"  {advice.data:{wide}}  {', '.join(advice.models)}")
    print(f"\n{len(names)} models; `tfgen show NAME` describes a model, `tfgen train NAME` trains it")


def bibtex(text, title, year):
    """The BibTeX entry of the paper with this title, from the docstring in which it is cited.

    Args:
        text: "... Authors. Title. Venue Year. https://...".
        title, year: of the paper.
    """
    text = " ".join(text.split("\n\n")[1].split())
    place = text.lower().find(title.lower())
    authors = re.split(r"(?:(?<=\s)|^)https?://\S+\s", text[:place])[-1].strip().rstrip(".")
    authors = re.sub(r" et al$", " and others", authors.replace(", ", " and "))
    behind = text[place + len(title) :]
    link = re.search(r"https?://\S+", behind)
    venue = re.match(r"\.\s+([A-Z][^.]*?),?\s+\d{4}", behind)
    kind, where = "misc", "booktitle"
    if venue:  # a journal has a volume
        kind, where = ("article", "journal") if re.search(r"\d", venue[1]) else ("inproceedings", where)
    first = re.sub(r"\W", "", authors.split(" and ")[0].split()[-1]).lower() if authors else "paper"
    fields = {"author": authors, "title": f"{{{title}}}", where: venue and venue[1], "year": year}
    fields["url"] = link and link[0].rstrip(".,;)")
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@{}{{{}{},\n{}\n}}".format(kind, first, year, ",\n".join(lines))


def show(model: Annotated[str, typer.Argument(help="A name of `tfgen list`, or module:Class.")]):
    """Describes a model: its paper, parameters, recipe, losses and exports, and how to cite it; or a use.

    \b
    Examples:
      tfgen show dcgan
      tfgen show mymodule:MyGAN
      tfgen show anogan
    """
    if use := USES.get(model.lower()):
        print(f"{use.name}\n\n{use.title}. {use.year}.\n")
        print(f"A use of trained models: it {use.does}.\n\n  {use.how}")
        return
    import_tensorflow()
    from tfgen import arguments
    from tfgen.runs.plan import canonical, model_class

    cls, model = model_class(model), canonical(model)
    entry, recipe = catalogue().get(model), cls.recipe
    print(f"{cls.__name__}{f' ({entry.family}, {entry.year})' if entry else ''}\n")
    paper = inspect.getdoc(sys.modules[cls.__module__]) or ""
    print(f"{paper}\n\n{inspect.getdoc(cls)}\n")
    print("Parameters (--set NAME=VALUE) and their defaults:")
    for name, parameter in arguments.of_model(cls).items():
        print(f"  {name} = {parameter.default!r}")
    if recipe is not None:
        command = ["tfgen", "train", model, "--data", recipe.dataset]
        command += ["--epochs", str(recipe.epochs), "--batch-size", str(recipe.batch_size)]
        if recipe.learning_rate is not None:
            command += ["--learning-rate", f"{recipe.learning_rate:g}"]
        for option, values in (("--set", recipe.model), ("--data-set", recipe.data)):
            for name, value in values.items():
                command += [option, f"{name}={value}".replace(" ", "")]
        print(f"\nRecipe, which `tfgen train {model} --out RUN` runs:\n  {shlex.join(command)} --out RUN")
        if recipe.schedule:
            print(f"  with learning rates by the schedule {recipe.schedule}, in shares of the epochs")
    net = cls(**(recipe.model if recipe else cls.tiny))  # a tiny one may play in another rhythm
    print(f"\nLosses{', in the order of their updates:' if net.objectives() else ': none, see above'}")
    for name, objective in net.objectives().items():
        networks = ", ".join(network.name for network in objective.networks)
        often = "" if objective.every == 1 else f", every {objective.every} batches"
        print(f"  {name}: updates {networks}{often}")
        print(f"    logs {', '.join((f'{name}_loss', *objective.logs))}")
    print(f"\nExports: {', '.join(net.signatures())}")
    if entry:
        print(f"\nTo cite the paper:\n{bibtex(paper, entry.title, entry.year)}")
