"""`tfgen-export serve DIR...`: artifacts behind REST and gRPC, by the Open Inference Protocol."""

import contextlib
import importlib.util
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tfgen.errors import InputError, unknown


def command(
    artifacts: Annotated[list[Path], typer.Argument(help="Artifacts.", metavar="DIR...")],
    to: Annotated[
        Path | None, typer.Option(help="Folder of the model repository; by default a temporary one.")
    ] = None,
    layout: Annotated[
        str, typer.Option(help="mlserver, which is started; or tensorflow_serving or triton, only written.")
    ] = "mlserver",
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start the server, or write only.")
    ] = True,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Of REST.", min=1, max=65535)] = 8080,
    grpc_port: Annotated[int, typer.Option(help="Of gRPC.", min=1, max=65535)] = 8081,
    max_n: Annotated[int, typer.Option(help="The most images of a request, and of a batch.", min=1)] = 256,
    max_body: Annotated[int, typer.Option(help="MB of the largest request.", min=1, max=1024)] = 16,
    max_pixels: Annotated[
        int, typer.Option(help="Of translators: the most pixels of a request, over all its images.", min=1)
    ] = 2**22,
):
    """Serves artifacts; each signature is a model NAME.SIGNATURE, NAME being that of the folder.

    What a model takes: http://127.0.0.1:8080/v2/models/NAME.SIGNATURE. Requests for the same model
    that come at once share a batch. The repository that --to keeps also runs by itself, where MLServer and
    onnxruntime are installed: `mlserver start REPO`, but without the limit on bodies.

    \b
    Examples:
      tfgen-export serve artifacts/vae-mnist
      tfgen-export serve artifacts/vae-mnist artifacts/dcgan-mnist --port 9000 --grpc-port 9001
      tfgen-export serve artifacts/vae-mnist --to repository --no-start
      tfgen-export serve artifacts/vae-mnist --to repository --layout triton
      curl localhost:8080/v2/models/vae-mnist.sample/infer --json '{"inputs": [
        {"name": "seed", "datatype": "INT64", "shape": [1], "data": [0]},
        {"name": "n", "datatype": "INT32", "shape": [1], "data": [1]}]}'
    """
    from .serving import layouts

    if layout not in layouts.LAYOUTS:
        raise unknown("layout", layout, list(layouts.LAYOUTS))
    start = start and layout == "mlserver"
    if to is None and not start:
        raise InputError("nothing is started, so --to must say where to write the model repository")
    options = {
        "mlserver": {
            "host": host,
            "port": port,
            "grpc_port": grpc_port,
            "max_n": max_n,
            "max_body": max_body,
            "max_pixels": max_pixels,
        },
        "triton": {"max_n": max_n},
    }.get(layout, {})
    found = layouts.artifacts(artifacts)
    if start:
        # Only looked for: its import takes seconds.
        if importlib.util.find_spec("mlserver") is None:
            raise InputError("mlserver is not installed; pip install 'tfgen[serve]'")
        _check_ports(host, port, grpc_port)
    with contextlib.ExitStack() as stack:
        if to is None:
            temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="tfgen-serve-"))
            repository = Path(temporary) / "repository"
        else:
            repository = to
        layouts.write(found, repository, layout, **options)
        print(f"the model repository: {repository}", flush=True)
        if start:
            from .serving.server import serve

            for name, (_, manifest) in found.items():
                for signature in manifest["signatures"]:
                    print(f"  http://{host}:{port}/v2/models/{name}.{signature}", flush=True)
            print(f"the same over gRPC at {host}:{grpc_port}; Ctrl-C stops", flush=True)
            serve(repository)


def _check_ports(host, *ports):
    if len(set(ports)) < len(ports):
        raise InputError(f"--port and --grpc-port must differ; received {ports[0]} twice")
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            try:
                probe.bind((host, port))
            except OSError as error:
                raise InputError(
                    f"cannot listen at {host}:{port}: {error.strerror}; choose another --host, --port or "
                    f"--grpc-port"
                ) from None
