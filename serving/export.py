"""From a language model to a SavedModel on disk, ready for this server, TensorFlow Serving and KServe."""

import json
import os
from dataclasses import asdict
from importlib.metadata import version as installed_version
from pathlib import Path

import tensorflow as tf

from rnnzoo.atomic_files import new_folder
from rnnzoo.models.arguments import whole
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.neural_cache import NeuralCache
from rnnzoo.serving.signatures import LanguageModelSignatures

__all__ = ["export_model"]

_TOP_K = 10
_DEFAULT_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_LARGEST_VERSION = 2**63 - 1  # of an int64, as which servers read the folder's name


def export_model(
    source: LanguageModel | str | os.PathLike[str],
    destination: str | os.PathLike[str],
    version: int | None = None,
    *,
    top_k: int | None = None,
    neural_cache: NeuralCache | None = None,
) -> Path:
    """Writes `destination/<version>/`, a SavedModel that needs nothing of ours to run.

    Its signatures are `predict_next` (also `serving_default`), `score`, `generate` and `step`, see
    `LanguageModelSignatures`, and `extend` and `speak`, see `ContinuingSignatures`. The vocabulary is in
    the graph, and as `assets.extra/tokenizer.json` beside it. A tied softmax has its word vectors there a second time,
    transposed: an answer then takes half the time, and the export twice the space.

    Args:
        source: a model, or the folder of a preset.
        destination: the folder of all versions; made if it is missing. A server that watches it never sees half a
            version: the finished folder is moved in.
        version: a positive int64; one more than the newest there, or 1, if None.
        top_k: how many words `predict_next` answers. If None, 10, more than an interface shows, or all that there are.
        neural_cache: mixed into `predict_next` and `score`, with the words of each request's own text; None, the
            default, because what suits a network is to be tuned, and a request is answered from the text it brings.

    Returns:
        The version's folder.

    Raises:
        FileExistsError: if the version is there already, in whatever spelling, or a file stands at `destination`;
            both are left as they are.
        FileNotFoundError: if `source` is a folder without a preset.
        ValueError: if `version` or `top_k` is out of range.

    >>> import tempfile
    >>> from rnnzoo.models import LanguageModel, NetworkConfig, Vocabulary
    >>> vocabulary = Vocabulary.from_lines([["to", "be", "or", "not", "to", "be"]])
    >>> model = LanguageModel(vocabulary, NetworkConfig(network="irnn", units=8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     exported = export_model(model, folder)
    ...     served = tf.saved_model.load(exported)
    ...     answer = served.signatures["predict_next"](text=tf.constant(["to be", ""]))
    >>> exported.name, answer["words"].shape
    ('1', TensorShape([2, 5]))
    """
    destination = Path(destination)
    version = 1 + max(_versions(destination), default=0) if version is None else version
    version = whole("version", version, 1, _LARGEST_VERSION)
    target = destination / str(version)
    _refuse_existing(destination, version)
    model = source if isinstance(source, LanguageModel) else LanguageModel.from_preset(source)
    top_k = min(_TOP_K, len(model.vocabulary) - 1) if top_k is None else top_k
    module = LanguageModelSignatures(model, top_k, neural_cache)
    destination.mkdir(parents=True, exist_ok=True)
    try:
        with new_folder(target) as folder:
            _save(module, folder)
            _save_extras(model, folder / "assets.extra", top_k, neural_cache)
    except OSError:
        _refuse_existing(destination, version)  # another export may have made it meanwhile
        raise
    return target


def _versions(destination: Path) -> dict[int, Path]:
    children = destination.iterdir() if destination.is_dir() else ()
    return {int(child.name): child for child in children if child.name.isascii() and child.name.isdigit()}


def _refuse_existing(destination: Path, version: int) -> None:
    if destination.exists() and not destination.is_dir():
        raise FileExistsError(f"an export needs a folder, but {destination} is a file.")
    existing = _versions(destination).get(version)
    if existing is not None:
        raise FileExistsError(f"an export must be a new version, but got {existing}, which exists.")


def _save(module: LanguageModelSignatures, folder: Path) -> None:
    signatures = module.functions()
    with module.quick_softmax():
        tf.saved_model.save(
            module, str(folder), signatures={_DEFAULT_SIGNATURE: signatures["predict_next"], **signatures}
        )


def _save_extras(model: LanguageModel, folder: Path, top_k: int, neural_cache: NeuralCache | None) -> None:
    folder.mkdir()
    model.vocabulary.save(folder / "tokenizer.json")
    metadata = {
        "network": model.config.as_dict(),
        "top_k": top_k,
        "neural_cache": None if neural_cache is None else asdict(neural_cache),
        "rnnzoo_version": installed_version("rnnzoo"),
        "tensorflow_version": tf.__version__,
    }
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
