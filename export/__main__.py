"""`python -m export`: see the package."""

import typer

from export import artifact, page, serve, verify
from tfgen.cli.console import application, run


class _Group(typer.core.TyperGroup):
    """Without a command's name, the first word is the run of `make`."""

    def resolve_command(self, ctx, args):
        if args[0] in self.commands or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        return "make", self.commands["make"], args


app = application(
    cls=_Group,
    help="Makes artifacts of trained runs, checks them in every runtime, serves and shows them.",
    epilog="`python -m export RUN` is `make RUN`; `python -m export COMMAND --help` has examples.",
)
app.command("make")(artifact.command)
app.command("verify")(verify.command)
app.command("serve")(serve.command)
app.command("page")(page.command)


if __name__ == "__main__":
    run(app, "python -m export")
