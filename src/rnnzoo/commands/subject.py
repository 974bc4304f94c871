"""A network to be diagnosed, from wherever it lies: a run, a preset, a Keras file."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from rnnzoo.commands.model_folder import model_folder
from rnnzoo.commands.recipe import has_recipe, read_recipe
from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.training_config import TrainingConfig

if TYPE_CHECKING:
    from rnnzoo.models import LanguageModel
    from rnnzoo.models.vocabulary import Vocabulary
    from rnnzoo.tuning.diagnosis.remedy import Remedy

__all__ = ["Subject", "vocabulary_of"]


@dataclass(frozen=True)
class Subject:
    """Where a network lies and how it was trained.

    Attributes:
        path: as it was given.
        folder: the preset's folder; None for a Keras file.
        network, training: what a run was told; None elsewhere.
    """

    path: Path
    folder: Path | None
    network: NetworkConfig | None = None
    training: TrainingConfig | None = None

    @classmethod
    def at(cls, path: Path) -> "Subject":
        """What lies there.

        Raises:
            FileNotFoundError: if there is neither a run nor a preset nor a Keras file.
        """
        if path.suffix == ".keras":
            if not path.is_file():
                raise FileNotFoundError(f"a Keras model must be a file, but {path} is none.")
            return cls(path, None)
        folder = model_folder(path)
        return cls(path, folder, *read_recipe(path)) if has_recipe(path) else cls(path, folder)

    @property
    def name(self) -> str:
        """The run's name, the file's without its ending."""
        return self.path.stem if self.folder is None else self.path.resolve().name

    def load(self) -> Any:
        """The model.

        Raises:
            ValueError: if its files are damaged, or it does not read token ids.
        """
        import keras

        import rnnzoo.models.layers  # noqa: F401  (files may hold layers of the zoo)
        from rnnzoo.models import LanguageModel

        if self.folder is not None:
            return LanguageModel.from_preset(self.folder)
        try:
            model = keras.saving.load_model(self.path, compile=False)
        except (ValueError, TypeError, OSError, BadZipFile) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(f"{self.path} must be a model that Keras can load, but it is not: {reason}") from error
        shape = getattr(model, "input_shape", None)
        if not isinstance(model, LanguageModel) and len(shape or ()) != 2:
            raise ValueError(f"a model must read token ids (batch, time), but {self.path} reads {shape}.")
        return model

    def before_training(self, model: "LanguageModel") -> "LanguageModel | None":
        """The language model as its training began: made anew, or as the preset that a run went on from.

        None where that preset is gone, or is another by now.
        """
        import keras

        from rnnzoo.models import LanguageModel
        from rnnzoo.tuning.fine_tuning import start_from

        training = self.training or TrainingConfig()
        keras.utils.set_random_seed(training.seed)
        before = LanguageModel(model.vocabulary, model.config)
        if training.from_preset is not None:
            try:
                start_from(before, training.from_preset)
            except (FileNotFoundError, ValueError):
                return None
        return before

    def command(self, remedy: "Remedy", corpus: str, config: NetworkConfig | None) -> str | None:
        """The command line that tries a remedy; None for a Keras model of another make."""
        arguments = list(remedy.arguments)
        network = [arguments.pop(0)] if arguments and not arguments[0].startswith("--") else []
        name = remedy.name.replace(" ", "-")
        if self.training is not None:
            words = [*network, "--repeat", str(self.path), *arguments, "--output", f"{self.path}-{name}"]
        elif config is not None:
            sizes = ["--units", str(config.units), "--layers", str(config.layers)]
            kind = network or [config.network]
            words = [*kind, *sizes, "--corpus", corpus, *arguments, "--output", f"runs/{kind[0]}-{name}"]
        else:
            return None
        return shlex.join(["rnnzoo", "train", *words])


def _words_known(model: Any, limit: int | None) -> int | None:
    """How many words a corpus's vocabulary may have for a Keras model: as many as it has vectors for.

    Raises:
        ValueError: if more are asked for.
    """
    from rnnzoo.tuning.diagnosis.layers_of_models import words_known

    known = words_known(model)
    if known is not None and limit is not None and limit > known:
        raise ValueError(f"vocabulary_limit must be at most {known}, the words of {model.name}, but got {limit=}.")
    return known if limit is None else limit


def vocabulary_of(model: Any, corpus: Any, limit: int | None) -> "Vocabulary":
    """The model's own vocabulary; for a Keras model of another make, the corpus's."""
    from rnnzoo.models import LanguageModel

    return model.vocabulary if isinstance(model, LanguageModel) else corpus.vocabulary(_words_known(model, limit))
