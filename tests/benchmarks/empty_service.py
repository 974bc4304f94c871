"""A gRPC service that does nothing: what gRPC itself takes of a request's time."""

import asyncio

import grpc

_ANSWER = b"x" * 400  # as long as that to `predict_next`


async def _answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return _ANSWER


async def main() -> None:
    server = grpc.aio.server()
    handlers = {"Predict": grpc.unary_unary_rpc_method_handler(_answer)}
    server.add_registered_method_handlers("tensorflow.serving.PredictionService", handlers)
    port = server.add_insecure_port("localhost:0")
    await server.start()
    print(f"nothing is served on localhost:{port}; end it as you like", flush=True)
    await server.wait_for_termination()


asyncio.run(main())
