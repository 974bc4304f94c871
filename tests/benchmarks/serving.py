"""Measures the server against the bare model and writes a table: `make bench-serving`, with nothing beside it.

Server, clients and bare model share the machine; a ratio is the median of those of the rounds, in which they take
turns. Rivals whose environment is there, `tests/benchmarks/.venv-rival-NAME`, are measured too, one after the other.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import grpc
import keras
import numpy as np
import tensorflow as tf
from rivals import RIVALS, Rival
from serving_load import write_requests
from serving_malformed import malformed
from tensorflow_serving.apis import predict_pb2

from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
from rnnzoo.serving import export_model
from rnnzoo.tuning.pages.markdown_tables import markdown_table

HERE = Path(__file__).parent
WORDS, UNITS, CONTEXT, CLIENTS = 10_000, 256, 20, 32
dice = random.Random(1)


def text(words: int) -> str:
    return " ".join(f"w{dice.randrange(WORDS - 2)}" for _ in range(words))


def request(sentence: str) -> bytes:
    message = predict_pb2.PredictRequest(model_spec={"name": "default", "signature_name": "predict_next"})
    message.inputs["text"].CopyFrom(tf.make_tensor_proto([sentence]))
    return message.SerializeToString()


def rest_body(sentence: str) -> bytes:
    return json.dumps({"instances": [sentence]}).encode()


def median_ms(times: list[float]) -> float:
    return 1000 * statistics.median(times)


def export(folder: Path) -> Path:
    keras.utils.set_random_seed(1)
    vocabulary = Vocabulary(["<unk>", "<eos>", *(f"w{number}" for number in range(WORDS - 2))])
    return export_model(LanguageModel(vocabulary, NetworkConfig(network="lstm", units=UNITS)), folder / "lstm")


class Served:
    """A server in a process of its own.

    Args:
        arguments: of Python; what it runs says where it "is served on" first of all.
    """

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split(" is served on ")[1].split(";")[0].split()[0]
        self._channel = grpc.insecure_channel(self.address)

    @cached_property
    def rest(self) -> str:
        """Where what `rnnzoo serve` serves answers over HTTP: its second line ends in the page's address."""
        assert self.process.stdout is not None
        page = self.process.stdout.readline().split(" at ")[1].rstrip().removesuffix(".")
        return f"{page}v1/models/default:predict"

    def ask(self, message: bytes, method: str = "Predict") -> str:
        try:
            self._channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")(message, timeout=60)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    @property
    def megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._channel.close()


@contextmanager
def started(*arguments: str) -> Iterator[Served]:
    server = Served(*arguments)
    try:
        yield server
    finally:
        server.end()


def served(base_path: Path) -> AbstractContextManager[Served]:
    """What `rnnzoo serve` answers with."""
    return started("-m", "rnnzoo", "serve", os.fspath(base_path), "--port", "0")


def load(
    address: str, seconds: float, requests: Path, body: Callable[[str], bytes] = request
) -> "subprocess.Popen[str]":
    """Clients that ask about texts which nobody has asked about before, and more of them than the prefix cache holds:
    what it knows would flatter the server.
    """
    write_requests(requests, [body(text(CONTEXT)) for _ in range(20_000)])
    command = [sys.executable, os.fspath(HERE / "serving_load.py"), address, str(CLIENTS), str(seconds), str(requests)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, _ = process.communicate()
    return dict(json.loads(out))


def rate(found: dict[str, Any]) -> float:
    whens = [when for when, _ in found["times"]]
    return len(whens) / (max(whens) - min(whens))


def measure_latency(server: Served, bare: Callable[[list[str]], Any], count: int) -> list[str]:
    times: dict[str, list[float]] = {"ours": [], "bare": [], "empty": []}
    with started(os.fspath(HERE / "empty_service.py")) as empty:
        for number in range(count + 20):
            sentence = text(CONTEXT)
            message = request(sentence)
            asked = {
                "ours": partial(server.ask, message),
                "bare": partial(bare, [sentence]),
                "empty": partial(empty.ask, message),
            }
            for name, ask in asked.items():
                began = time.perf_counter()
                ask()
                if number >= 20:
                    times[name].append(time.perf_counter() - began)
    ours, theirs, nothing = (median_ms(times[name]) for name in ("ours", "bare", "empty"))
    what = f"{ours:.2f} ms − {theirs:.2f} ms; a gRPC service that does nothing takes {nothing:.2f} ms"
    return ["one client, median − bare call", f"{ours - theirs:.2f} ms ({what})", "≤ 0.8 ms"]


def measure_throughput(
    server: Served, bare: Callable[[list[str]], Any], seconds: float, rounds: int, requests: Path
) -> list[str]:
    bare_rates, rates = [], []
    for _ in range(rounds):
        batches = [[text(CONTEXT) for _ in range(CLIENTS)] for _ in range(20)]
        began, runs = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            bare(batches[runs % len(batches)])
            runs += 1
        bare_rates.append(runs * CLIENTS / (time.perf_counter() - began))
        rates.append(rate(result(load(server.address, seconds, requests))))
    ratio = median_ratio(rates, bare_rates)
    what = f"{statistics.median(rates):,.0f}/s of {statistics.median(bare_rates):,.0f} rows/s"
    return [f"{CLIENTS} clients / bare rows", f"{ratio:.2f} ({what})", "≥ 0.42"]


def measure_rival(
    rival: Rival, server: Served, version: Path, seconds: float, rounds: int, requests: Path
) -> list[str]:
    """Over gRPC, and over HTTP as the rival."""
    rates: dict[str, list[float]] = {"gRPC": [], "HTTP": [], rival.title: []}
    with rival.served(version) as address:
        asked = {
            "gRPC": (server.address, request),
            "HTTP": (server.rest, rest_body),
            rival.title: (address, rival.request),
        }
        for _ in range(rounds):
            for name, (where, body) in asked.items():
                found = result(load(where, seconds, requests, body))
                refused = {code: count for code, count in found["codes"].items() if code != "OK"}
                if refused:
                    raise RuntimeError(f"all requests must be answered, but {name} answered {refused}.")
                rates[name].append(rate(found))
    theirs = rates.pop(rival.title)
    told_rates = ", ".join(f"{name} {statistics.median(ours):,.0f}/s" for name, ours in rates.items())
    ratios = " and ".join(f"{median_ratio(ours, theirs):.2f}" for ours in rates.values())
    what = f"{told_rates}; {rival.title} {statistics.median(theirs):,.0f}/s"
    return [f"{CLIENTS} clients / {rival.title}, by gRPC and HTTP", f"{ratios} ({what})", "≥ 2"]


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def measure_typing(server: Served, sessions: int) -> list[str]:
    means: dict[int, list[float]] = {10: [], 1000: []}
    for _ in range(sessions):
        for words, times in means.items():
            typed = text(words)
            server.ask(request(typed))  # what comes before is read here
            for _ in range(20):
                typed += " " + text(1)
                message = request(typed)
                began = time.perf_counter()
                server.ask(message)
                times.append(time.perf_counter() - began)
    few, many = median_ms(means[10]), median_ms(means[1000])
    return ["typing, request at 1,000 words / at 10", f"{many / few:.2f} ({many:.2f} ms / {few:.2f} ms)", "≤ 1.2"]


def measure_reload(folder: Path, base_path: Path, seconds: float, requests: Path) -> list[str]:
    """A copy of the version appears as a new one, halfway through."""
    with served(base_path) as server:
        result(load(server.address, 2, requests))
        loading = load(server.address, 2 * seconds, requests)
        time.sleep(seconds)
        halfway = time.time()
        newest = max(base_path.iterdir(), key=lambda version: int(version.name))
        shutil.copytree(newest, folder / "copying")
        (folder / "copying").rename(base_path / str(int(newest.name) + 1))
        found = result(loading)
    normal = [took for when, took in found["times"] if when < halfway]
    reloading = [took for when, took in found["times"] if when >= halfway]
    ratio = np.quantile(reloading, 0.99) / np.quantile(normal, 0.99)
    failed = sum(found["codes"].values()) - found["codes"].get("OK", 0)
    return ["reload under load: failed, p99 / normal p99", f"{failed}, {ratio:.2f}", "0, ≤ 3"]


def measure_sigterm(base_path: Path, requests: Path) -> list[str]:
    with served(base_path) as server:
        result(load(server.address, 1, requests))
        loading = load(server.address, 5, requests)
        time.sleep(2.5)
        server.process.send_signal(signal.SIGTERM)
        found = result(loading)
        code = server.process.wait(60)
    lost = sum(count for name, count in found["codes"].items() if name not in ("OK", "UNAVAILABLE"))
    return ["SIGTERM under load: lost, exit", f"{lost}, {code} ({told(found['codes'])})", "0, 0"]


def told(codes: Mapping[str, int]) -> str:
    """How often each status came, the most frequent first."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(codes.items(), key=lambda one: -one[1]))


def measure_malformed(server: Served, count: int) -> list[str]:
    for _ in range(200):
        server.ask(request(text(CONTEXT)))
    before, codes = server.megabytes, Counter[str]()
    for _ in range(count):
        method, message = malformed(dice)
        codes[server.ask(message, method)] += 1
    alive = server.ask(request(text(CONTEXT)))
    bad = {name: codes[name] for name in ("INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED") if codes[name]}
    well_formed = codes.pop("OK", 0)
    what = f"{bad or 'none'} ({told(codes)}; {well_formed:,} happened to be well formed)"
    what += f"; {alive}; {before:.0f} → {server.megabytes:.0f} MB"
    measure = f"{count:,} malformed requests: answers that blame the server; a good request afterwards; memory"
    return [measure, what, "none; OK; flat"]


def measure_memory(server: Served, minutes: float, requests: Path) -> list[str]:
    settled = min(5.0, minutes / 6)
    result(load(server.address, 60 * settled, requests))
    first = server.megabytes
    result(load(server.address, 60 * (minutes - settled), requests))
    grown = server.megabytes / first - 1
    return [f"memory, minute {settled:g} to {minutes:g} at full load", f"{grown:+.1%} of {first:.0f} MB", "≤ 5 %"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round of load")
    parser.add_argument("--rounds", type=int, default=5, help="of load and bare runs in turn")
    parser.add_argument("--malformed", type=int, default=20_000, help="how many bad requests")
    parser.add_argument("--minutes", type=float, default=0.0, help="of load, to watch the memory: 30")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        version = export(folder)
        loaded = tf.saved_model.load(str(version))
        signature = loaded.signatures["predict_next"]

        def bare(texts: list[str]) -> list[np.ndarray]:
            return [value.numpy() for value in signature(text=tf.constant(texts)).values()]

        requests = folder / "requests"
        rows = []
        with served(version.parent) as server:
            rows.append(measure_latency(server, bare, 40 * options.rounds))
            rows.append(measure_throughput(server, bare, options.seconds, options.rounds, requests))
            for rival in RIVALS:
                if rival.python.exists():
                    found = measure_rival(rival, server, version, options.seconds, options.rounds, requests)
                    rows.append(found)
            rows.append(measure_typing(server, 2 * options.rounds))
            rows.append(measure_malformed(server, options.malformed))
            if options.minutes:
                rows.append(measure_memory(server, options.minutes, requests))
        rows.append(measure_reload(folder, version.parent, 2 * options.seconds, requests))
        rows.append(measure_sigterm(version.parent, requests))
    print(markdown_table(("measure", "found", "bar"), rows))
    print(f"\nLSTM 1 × {UNITS}, {WORDS:,} words, contexts of {CONTEXT}; {platform.machine()}, {os.cpu_count()} cores, ")
    print(f"TensorFlow {tf.__version__}, gRPC {grpc.__version__}, Python {platform.python_version()}.")


if __name__ == "__main__":
    main()
