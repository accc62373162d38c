"""`tfgen-export`, and `python -m export` in a checkout: see the package."""

import typer

from tfgen.cli.console import application, run

from . import artifact, page, serve, verify


class _Group(typer.core.TyperGroup):
    """Without a command's name, the first word is the run of `make`."""

    def resolve_command(self, ctx, args):
        if args[0] in self.commands or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        return "make", self.commands["make"], args


app = application(
    cls=_Group,
    help="Makes artifacts of trained models, checks them in every runtime, serves and shows them.",
    epilog="`tfgen-export RUN` is `tfgen-export make RUN`; `tfgen-export COMMAND --help` has examples.",
)
app.command("make")(artifact.command)
app.command("verify")(verify.command)
app.command("serve")(serve.command)
app.command("page")(page.command)


def main(args=None):
    """Runs the command line and exits: 0 when all is well, 2 for bad input, 130 for Ctrl-C."""
    run(app, "tfgen-export", args)


if __name__ == "__main__":
    main()
