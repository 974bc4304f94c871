"""The SavedModel behind MLServer: `rival_mlserver.py VERSION_FOLDER PORT`."""

import asyncio
import json
import sys

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from rival_model import NextWords


class NextWordsModel(MLModel):
    async def load(self) -> bool:
        self.ask = NextWords(sys.argv[1])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        answers = self.ask(StringCodec.decode_input(payload.inputs[0]))
        output = StringCodec.encode_output("answers", [json.dumps(answer) for answer in answers])
        return InferenceResponse(model_name=self.name, outputs=[output])


async def serve(port: int) -> None:
    settings = Settings(http_port=port, grpc_port=0, metrics_port=0, parallel_workers=0, debug=False)
    server = MLServer(settings)
    model = ModelSettings(name="next-words", implementation=NextWordsModel, max_batch_size=32, max_batch_time=0.002)
    await server.start([model])


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[2])))
