"""`tfgen latent ...`: pictures that show what a model's codes mean."""

import typer

from tfgen.cli.latent import blend, codes, edit, images, search

app = typer.Typer(
    help="Explores a model's codes: ways, attributes, neighbours, and a search for them.",
    epilog="Example: `tfgen latent interpolate runs/digits`; `tfgen latent COMMAND --help` shows more.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for command in (
    *(codes.interpolate, codes.traverse, codes.manifold, codes.arithmetic),
    *(images.attributes, images.reconstruct, images.neighbours, images.density),
    *(search.project, search.inpaint, edit.edit, blend.blend),
):
    app.command()(command)
