"""MLServer, with the limits that a server for strangers needs.

Beside MLServer's own: bodies have a limit, over REST and gRPC; every refusal is one line; bytes over
gRPC stay bytes. Its calls that stream, load or unload models are not there: no client can
take a model away from the others.
"""

import asyncio
import contextlib

import grpc
import uvicorn
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from grpc import aio
from mlserver import MLServer
from mlserver.cli.serve import load_settings
from mlserver.errors import InferenceError, MLServerError
from mlserver.grpc.converters import (
    InferTensorContentsConverter,
    ModelInferResponseConverter,
    ModelMetadataResponseConverter,
)
from mlserver.grpc.dataplane_pb2 import ModelInferResponse, ModelReadyResponse
from mlserver.grpc.dataplane_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from mlserver.grpc.server import GRPCServer
from mlserver.grpc.servicers import InferenceServicer
from mlserver.grpc.utils import STATUS_CODE_MAPPING
from mlserver.rest.server import RESTServer
from mlserver.types import InferenceRequest, RequestInput, RequestOutput
from mlserver.utils import install_uvloop_event_loop
from starlette.exceptions import HTTPException as StarletteHTTPException


class BodyLimit:
    """ASGI middleware that keeps no more than `limit` bytes of a request's body.

    What is refused is still received, up to 16 times the limit, and thrown away: a client that
    is sending reads no answer before it is done. One that sends "Expect: 100-continue" waits for it.
    """

    def __init__(self, app, limit):
        self._app, self._limit = app, limit

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers, received = dict(scope["headers"]), 0
        refused = f"the body must have at most {self._limit} bytes"

        async def counted():
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def thrown_away():
            while received <= 16 * self._limit and (await counted()).get("more_body"):
                pass

        async def limited():
            message = await counted()
            if received > self._limit:
                if message.get("more_body"):
                    await thrown_away()
                raise HTTPException(413, f"{refused}; received more")
            return message

        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._limit:
            response = _error(413, f"{refused}; received {int(length)}")
        elif b"content-encoding" in headers:  # small ones may become huge
            response = _error(415, "the body must be sent without a Content-Encoding")
        elif b"inference-header-content-length" in headers:
            response = _error(400, "the binary extension is not spoken here; send JSON data, or use gRPC")
        else:
            return await self._app(scope, limited, send)
        if b"expect" not in headers:
            await thrown_away()
        return await response(scope, receive, send)


def _error(status, line):
    return JSONResponse({"error": line}, status)


async def _on_http_error(request, error):
    return _error(error.status_code, error.detail)


async def _on_invalid(request, error):
    """The first thing that is wrong with the JSON of a request."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"][1:]))
    if first["type"] == "json_invalid":
        line = f"the body must be JSON: {first['ctx']['error']}"
    elif not place:
        line = "the body must be a JSON object, with Content-Type: application/json"
    else:
        line = f"{place}: {first['msg']}"
    return _error(400, line[:200])


def _in_one_line(method):
    """A call that ends with an error of MLServer's as a gRPC status, without a traceback in the log."""

    async def call(self, request, context):
        try:
            return await method(self, request, context)
        except MLServerError as error:
            status = STATUS_CODE_MAPPING.get(error.status_code, grpc.StatusCode.UNKNOWN)
            await context.abort(status, str(error))

    return call


async def _not_there(self, request, context):
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server does not stream, load or unload models")


class _Servicer(InferenceServicer):
    ModelStreamInfer = RepositoryModelLoad = RepositoryModelUnload = _not_there

    @_in_one_line
    async def ModelReady(self, request, context):
        ready = await self._data_plane.model_ready(request.name, request.version or None)
        return ModelReadyResponse(ready=ready)

    @_in_one_line
    async def ModelMetadata(self, request, context):
        metadata = await self._data_plane.model_metadata(request.name, request.version or None)
        return ModelMetadataResponseConverter.from_types(metadata)

    @_in_one_line
    async def ModelInfer(self, request, context):
        result = await self._data_plane.infer(
            _payload(request), request.model_name, request.model_version or None
        )
        raw = [output.data.root for output in result.outputs] if request.raw_input_contents else []
        if not raw:
            return ModelInferResponseConverter.from_types(result)
        answer = ModelInferResponse(model_name=result.model_name, id=request.id, raw_output_contents=raw)
        for output in result.outputs:
            answer.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        return answer


def _payload(request):
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InferenceError(f"raw_input_contents must have one entry for each input; received {len(raw)}")
    return InferenceRequest.model_construct(
        id=request.id or None,
        inputs=[
            RequestInput.model_construct(
                name=one.name,
                datatype=one.datatype,
                shape=list(one.shape),
                data=raw[place] if raw else InferTensorContentsConverter.to_types(one.contents),
            )
            for place, one in enumerate(request.inputs)
        ],
        outputs=[RequestOutput(name=one.name) for one in request.outputs],
    )


class _GRPCServer(GRPCServer):
    def _create_server(self):
        settings = self._settings
        options = {
            "grpc.max_receive_message_length": settings.grpc_max_message_length,
            "grpc.max_send_message_length": -1,
            "grpc.so_reuseport": 0,  # a second server on this port is an error
        }
        self._server = aio.server(options=list(options.items()))
        servicer = _Servicer(self._data_plane, self._model_repository_handlers)
        add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        self._server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
        return self._server


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        """MLServer's handlers stop both servers; a second handler here would cut running requests."""
        yield


class _RESTServer(RESTServer):
    def __init__(self, settings, *handlers):
        super().__init__(settings, *handlers)
        left_out = ("/infer_stream", "/generate_stream", "/load", "/unload")
        app = self._app
        app.router.routes = [route for route in app.routes if not route.path.endswith(left_out)]
        app.add_middleware(BodyLimit, limit=settings.grpc_max_message_length)
        app.add_exception_handler(RequestValidationError, _on_invalid)
        app.add_exception_handler(StarletteHTTPException, _on_http_error)
        config = {"host": settings.host, "port": settings.http_port, "timeout_graceful_shutdown": 5}
        self._server = _Uvicorn(uvicorn.Config(app, log_level="warning", **config))

    async def start(self):
        await self._server.serve()


class _Server(MLServer):
    def _create_servers(self):
        given = self._settings, self._data_plane, self._model_repository_handlers
        self._rest_server, self._grpc_server = _RESTServer(*given), _GRPCServer(*given)
        self._kafka_server = None


async def _serve(repository):
    settings, models = await load_settings(str(repository))
    await _Server(settings).start(models)


def serve(repository):
    """Serves a model repository until SIGINT or SIGTERM; requests that run then are answered."""
    install_uvloop_event_loop()
    asyncio.run(_serve(repository))
