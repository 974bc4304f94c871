"""How a network is trained: every choice beside the network itself. Needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from rnnzoo.models.arguments import real, truth, whole
from rnnzoo.tuning.optimization.schedules import SCHEDULES

__all__ = ["CLIPPINGS", "LOSSES", "OPTIMIZERS", "TrainingConfig"]

# The learning rate that each optimizer starts from where none is given. SGD's is that of PyTorch's word_language_model:
# the loss is a mean over tokens, so its gradients are small.
OPTIMIZERS: Mapping[str, float] = {"sgd": 20.0, "adam": 3e-3, "rmsprop": 1e-3}
LOSSES = ("auto", "full", "sampled")
CLIPPINGS = ("clipnorm", "clipvalue", "global_clipnorm")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The recipe of a training run.

    Attributes:
        corpus: "wikitext-2", "python-docs", "recall", or the path of a text file or of a folder of `*.txt` files;
            "adding" is the adding problem, no language at all.
        corpus_options: what the corpus takes beside its name, such as `{"distance": 50}` for "recall".
        vocabulary_limit: the most words the network knows; None, all of the corpus.
        from_preset: a model to go on from, its words and its weights: a folder, or a preset of the package by its name;
            None, from the beginning.
        epochs: the most passes over the corpus.
        batch_size: the number of places of the corpus that are read at once; 20, as in the published small models.
        window: the number of time steps that gradients flow back; 35, as there.
        fresh_starts: the share of rows that forget what they carry at the start of a training window and begin anew, as
            every text does that is asked about later; 0.02. Without any, a network meets the state before a first word
            once an epoch, and may never learn to start: skip_rnn, and others trained without clipping, then stay lost
            in some texts from the first word to the last. 0 is the published recipe.
        rotation: whether each epoch begins at another place of the corpus, so that windows cut it elsewhere.
        optimizer: "adam", "sgd" or "rmsprop". Adam is the default because one learning rate suits all nine networks;
            SGD at 20, the recipe of PyTorch's word_language_model, lets the plain ones diverge.
        learning_rate: where the schedule starts; None is 20 for sgd, 0.003 for adam, 0.001 for rmsprop.
        recurrent_learning_rate: where Adam's rate for the recurrent layers starts while the word vectors learn by
            "sgd", which does not learn rare words by heart; None, one optimizer for all. 0.002 beside 20 suits the
            plain networks, which SGD alone throws off. Both rates follow the schedule.
        schedule: "constant"; "warmup", rising at first; "cosine", rising at first, then falling to 0 along a cosine;
            or "plateau", divided by 4 after each epoch that did not improve the validation loss.
        warmup: the share of all steps in which "warmup" and "cosine" rise.
        clipnorm, clipvalue, global_clipnorm: Keras's three ways to clip gradients, one of them at most. The global norm
            is what papers call clipping; 0.25 goes with a loss averaged over tokens.
        weight_decay: in each step every weight shrinks by this times the learning rate, whatever its gradient (Krogh &
            Hertz 1992; apart from the gradient as in Loshchilov & Hutter 2019); None, by nothing. 1.2e-6 at a rate of
            20 to 30 is that of the AWD-LSTM (Merity et al. 2018).
        loss: "full", "sampled", or "auto", which samples when the vocabulary has more than 10,000 words. An adaptive
            softmax has a loss of its own, which is exact: leave it at "auto".
        samples: how many words the sampled loss compares the target with.
        patience: training ends after so many epochs in a row without a better validation loss; None, never early.
        seed: of the first weights, the dropout and the samples.
        checkpoint_steps: the exact state is saved every so many steps, and after each epoch.
        jit_compile: whether XLA compiles the whole training step; "auto" does on a TPU alone, see `compiles_with_xla`.

    Example:
        >>> TrainingConfig(optimizer="adam").rate
        0.003
        >>> TrainingConfig(clipnorm=1.0)
        Traceback (most recent call last):
            ...
        ValueError: at most one of clipnorm, clipvalue, global_clipnorm may be given (global_clipnorm=None lifts its \
default), but got clipnorm=1.0, global_clipnorm=0.25.
        >>> TrainingConfig(clipnorm=1.0, global_clipnorm=None).clipping
        {'clipnorm': 1.0}
    """

    corpus: str = "wikitext-2"
    corpus_options: Mapping[str, Any] = field(default_factory=dict)
    vocabulary_limit: int | None = None
    from_preset: str | None = None
    epochs: int = 6
    batch_size: int = 20
    window: int = 35
    fresh_starts: float = 0.02
    rotation: bool = False
    optimizer: str = "adam"
    learning_rate: float | None = None
    recurrent_learning_rate: float | None = None
    schedule: str = "cosine"
    warmup: float = 0.05
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = 0.25
    weight_decay: float | None = None
    loss: str = "auto"
    samples: int = 4096
    patience: int | None = 3
    seed: int = 0
    checkpoint_steps: int = 500
    jit_compile: bool | str = "auto"

    def __post_init__(self) -> None:
        for name, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("loss", LOSSES)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, but got {getattr(self, name)!r}.")
        for name in ("vocabulary_limit", "epochs", "batch_size", "window", "samples", "patience", "checkpoint_steps"):
            value = getattr(self, name)
            if value is not None or name not in ("vocabulary_limit", "patience"):
                self._put(name, whole(name, value, least=1))
        for name in ("learning_rate", "recurrent_learning_rate", "weight_decay", *CLIPPINGS):
            value = getattr(self, name)
            if value is not None:
                self._put(name, real(name, value, above=0))
        self._put("warmup", real("warmup", self.warmup, least=0, below=1))
        self._put("fresh_starts", real("fresh_starts", self.fresh_starts, least=0, most=1))
        self._put("rotation", truth("rotation", self.rotation))
        self._put("seed", whole("seed", self.seed, 0, 2**31 - 1))
        if len(self.clipping) > 1:
            given = ", ".join(f"{name}={value}" for name, value in self.clipping.items())
            hint = " (global_clipnorm=None lifts its default)" if "global_clipnorm" in self.clipping else ""
            raise ValueError(f"at most one of {', '.join(CLIPPINGS)} may be given{hint}, but got {given}.")
        if self.recurrent_learning_rate is not None and (self.optimizer != "sgd" or self.corpus == "adding"):
            raise ValueError(
                "recurrent_learning_rate goes with optimizer='sgd' on a text, where word vectors and recurrent layers "
                f"learn apart, but got optimizer={self.optimizer!r}, corpus={self.corpus!r}."
            )
        if self.from_preset is not None and self.vocabulary_limit is not None:
            raise ValueError(
                "vocabulary_limit must be None with from_preset, whose words are known already, "
                f"but got vocabulary_limit={self.vocabulary_limit}."
            )
        if self.jit_compile not in (True, False, "auto"):
            raise ValueError(f"jit_compile must be True, False or 'auto', but got {self.jit_compile!r}.")

    def _put(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def rate(self) -> float:
        """The learning rate that the schedule starts from."""
        return OPTIMIZERS[self.optimizer] if self.learning_rate is None else self.learning_rate

    @property
    def clipping(self) -> dict[str, float]:
        """The clipping in force, as Keras's optimizers take it."""
        return {name: getattr(self, name) for name in CLIPPINGS if getattr(self, name) is not None}

    def as_dict(self) -> dict[str, Any]:
        """As plain values, as JSON gives them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `as_dict` described. Raises a ValueError for an unknown option, or a value that is out of its range."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            named = ", ".join(sorted(unknown))
            raise ValueError(f"training has no option {named}, unless a newer rnnzoo has it.")
        return cls(**values)
