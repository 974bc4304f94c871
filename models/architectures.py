"""The nine networks of the zoo, by name, and the configuration of a stack of one of them. Needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from rnnzoo.models.arguments import real, truth, whole
from rnnzoo.models.cutoffs import check_cutoffs, default_cutoffs
from rnnzoo.models.near_names import did_you_mean

__all__ = [
    "ARCHITECTURES",
    "NETWORKS",
    "NORMALIZATIONS",
    "RECURRENT_INITIALIZERS",
    "SOFTMAXES",
    "Architecture",
    "NetworkConfig",
]

NORMALIZATIONS = ("layer", "batch")
RECURRENT_INITIALIZERS = ("orthogonal", "identity", "np_rnn", "glorot_uniform")
SOFTMAXES = ("tied", "adaptive")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One row of the zoo.

    Attributes:
        layer: the class in `rnnzoo.models` that it is made of.
        family: what a gradient takes back through time: every step, an edge over several as well, or gates.
        rectified: whether its units put out any number above 0.
        options: arguments of the layer that make it this network.
        takes: the options of `NetworkConfig` that mean something here, beside those that all networks share.
        chrono: for `longest_lag`, the class in `rnnzoo.models.initializers` that draws its biases.
        cures: what it is for, in a few words.
        source: where it comes from.
    """

    layer: str
    family: Literal["plain", "skip", "gated"]
    rectified: bool = False
    options: Mapping[str, Any]
    takes: frozenset[str] = frozenset()
    chrono: str | None = None
    cures: str
    source: str


ARCHITECTURES: Mapping[str, Architecture] = {
    "simple_rnn_tanh": Architecture(
        layer="SimpleRNN",
        family="plain",
        options={"activation": "tanh"},
        cures="the plain one: its gradient vanishes",
        source="Elman 1990",
    ),
    "simple_rnn_relu": Architecture(
        layer="SimpleRNN",
        family="plain",
        rectified=True,
        options={"activation": "relu"},
        cures="slope 1 keeps the gradient; may explode",
        source="Nair & Hinton 2010",
    ),
    "simple_rnn_leaky_relu": Architecture(
        layer="SimpleRNN",
        family="plain",
        rectified=True,
        options={"activation": "leaky_relu"},
        takes=frozenset({"negative_slope"}),
        cures="as ReLU, and no unit dies",
        source="Maas et al. 2013",
    ),
    "irnn": Architecture(
        layer="IRNN",
        family="plain",
        rectified=True,
        options={},
        cures="starts as the identity: what is known stays",
        source="Le, Jaitly & Hinton 2015",
    ),
    "skip_rnn": Architecture(
        layer="SkipRNN",
        family="skip",
        options={},
        takes=frozenset({"skip", "dilated"}),
        cures="an edge from h[t-skip]: gradients skip steps",
        source="Zhang et al. 2016; dilated: Chang et al. 2017",
    ),
    "skip_update_lstm": Architecture(
        layer="SkipUpdateLSTM",
        family="gated",
        options={},
        takes=frozenset({"budget", "longest_lag"}),
        chrono="ChronoLSTM",
        cures="learns which steps to skip altogether",
        source="Campos et al. 2018",
    ),
    "skip_update_gru": Architecture(
        layer="SkipUpdateGRU",
        family="gated",
        options={},
        takes=frozenset({"budget", "longest_lag"}),
        chrono="ChronoGRU",
        cures="learns which steps to skip altogether",
        source="Campos et al. 2018",
    ),
    "lstm": Architecture(
        layer="LSTM",
        family="gated",
        options={},
        takes=frozenset({"longest_lag"}),
        chrono="ChronoLSTM",
        cures="gates around a cell that adds up",
        source="Hochreiter & Schmidhuber 1997",
    ),
    "gru": Architecture(
        layer="GRU",
        family="gated",
        options={},
        takes=frozenset({"longest_lag"}),
        chrono="ChronoGRU",
        cures="gates with fewer weights",
        source="Cho et al. 2014",
    ),
}

NETWORKS = tuple(ARCHITECTURES)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """A stack of one of the nine networks. None means the network's own default.

    Attributes:
        network: one of `NETWORKS`.
        units: the size of each hidden state; 200, the size of the published small models.
        layers: how many layers stand on each other.
        embedding: the size of the word vectors and, since the softmax is tied to them, of the last layer; `units`.
        dropout: the share of values dropped after the embedding, between layers and in front of the softmax.
        recurrent_dropout: the share of hidden units dropped in front of the recurrent product, the same in each step.
        recurrent_initializer: "orthogonal", "identity", "np_rnn" or "glorot_uniform".
        recurrent_scale: a factor on the identity.
        normalization: "layer" or "batch", inside the recurrence.
        negative_slope: of the leaky ReLU.
        skip: how many steps the second edge of a skip_rnn crosses; 4. If dilated, the edge of the first layer; 1.
        dilated: whether a skip_rnn does without the edge from one step back; the other then crosses twice as many
            steps from layer to layer, so that one layer with a skip of 1 is a plain network.
        budget: λ, the loss for each update of a skip_update network.
        longest_lag: draws a gated network's biases for memories of up to so many steps (chrono initialisation).
        softmax: "tied", over all words, its weights the word vectors; or "adaptive", which decides among the frequent
            words and the parts of rarer ones first and gives rare words short vectors: an exact loss that is cheap to
            learn by, and a small model, where the vocabulary is large.
        cutoffs: of an adaptive softmax, the ids that the parts of rarer words begin with, rising; a sixteenth and a
            quarter of the vocabulary.
        division: what an adaptive softmax divides the size of the word vectors by from part to part; 4, as Grave et al.

    Example:
        >>> NetworkConfig(network="lstm", layers=2).layer_units
        (200, 200)
        >>> NetworkConfig(network="lstm", skip=3)
        Traceback (most recent call last):
            ...
        ValueError: skip is an option of skip_rnn, but got network='lstm', skip=3.
    """

    network: str
    units: int = 200
    layers: int = 1
    embedding: int | None = None
    dropout: float = 0.2
    recurrent_dropout: float = 0.0
    recurrent_initializer: str | None = None
    recurrent_scale: float | None = None
    normalization: str | None = None
    negative_slope: float | None = None
    skip: int | None = None
    dilated: bool | None = None
    budget: float | None = None
    longest_lag: int | None = None
    softmax: str = "tied"
    cutoffs: tuple[int, ...] | None = None
    division: int | None = None

    def __post_init__(self) -> None:
        if self.network not in ARCHITECTURES:
            raise ValueError(
                f"network must be one of {', '.join(NETWORKS)}, but got network={self.network!r}."
                f"{did_you_mean(str(self.network), NETWORKS)}"
            )
        if self.dilated is not None:
            self._put("dilated", truth("dilated", self.dilated))
        self._check_sizes()
        self._check_rates()
        self._check_recurrence()
        self._check_softmax()
        self._check_takers()

    def _check_sizes(self) -> None:
        lowest = {
            "units": 1,
            "layers": 1,
            "embedding": 1,
            "division": 1,
            "skip": 1 if self.dilated else 2,
            "longest_lag": 3,
        }
        for name, least in lowest.items():
            value = getattr(self, name)
            if value is not None or name in ("units", "layers"):
                self._put(name, whole(name, value, least))

    def _check_rates(self) -> None:
        for name in ("dropout", "recurrent_dropout"):
            self._put(name, real(name, getattr(self, name), least=0, below=1))
        for name in ("negative_slope", "recurrent_scale"):
            if getattr(self, name) is not None:
                self._put(name, real(name, getattr(self, name)))
        if self.budget is not None:
            self._put("budget", real("budget", self.budget, least=0))

    def _check_recurrence(self) -> None:
        if self.recurrent_initializer not in (None, *RECURRENT_INITIALIZERS):
            raise ValueError(
                f"recurrent_initializer must be one of {', '.join(RECURRENT_INITIALIZERS)}, "
                f"but got recurrent_initializer={self.recurrent_initializer!r}."
            )
        is_identity = self.recurrent_initializer == "identity" or (
            self.network == "irnn" and self.recurrent_initializer is None
        )
        if self.recurrent_scale is not None and not is_identity:
            raise ValueError(
                "recurrent_scale needs recurrent_initializer='identity', but got recurrent_initializer="
                f"{self.recurrent_initializer!r}, recurrent_scale={self.recurrent_scale}."
            )
        if self.normalization not in (None, *NORMALIZATIONS):
            raise ValueError(f"normalization must be 'layer' or 'batch', but got normalization={self.normalization!r}.")

    def _check_softmax(self) -> None:
        if self.softmax not in SOFTMAXES:
            raise ValueError(f"softmax must be one of {', '.join(SOFTMAXES)}, but got softmax={self.softmax!r}.")
        for name in ("cutoffs", "division"):
            if getattr(self, name) is not None and self.softmax != "adaptive":
                raise ValueError(
                    f"{name} needs softmax='adaptive', but got softmax={self.softmax!r}, {name}={getattr(self, name)}."
                )
        if self.cutoffs is not None:
            self._put("cutoffs", check_cutoffs(self.cutoffs))  # JSON knows no tuples

    def _check_takers(self) -> None:
        for name in frozenset().union(*(row.takes for row in ARCHITECTURES.values())):
            value = getattr(self, name)
            # --no-dilated asks for nothing, and is how a command line takes --dilated back.
            if value is not None and value is not False and name not in ARCHITECTURES[self.network].takes:
                takers = ", ".join(network for network, row in ARCHITECTURES.items() if name in row.takes)
                raise ValueError(
                    f"{name} is an option of {takers}, but got network={self.network!r}, {name}={getattr(self, name)}."
                )

    def _put(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def embedding_size(self) -> int:
        """The size of the word vectors, and of the last layer."""
        return self.embedding or self.units

    @property
    def layer_units(self) -> tuple[int, ...]:
        """The size of each layer: the last one answers in the space of the word vectors."""
        return (*(self.units for _ in range(self.layers - 1)), self.embedding_size)

    @property
    def word_division(self) -> int:
        """The division in force of an adaptive softmax."""
        return 4 if self.division is None else self.division

    def cutoffs_for(self, vocabulary_size: int) -> tuple[int, ...]:
        """The cutoffs in force of an adaptive softmax over so many words; ValueError if they do not fit."""
        cutoffs = default_cutoffs(vocabulary_size) if self.cutoffs is None else self.cutoffs
        return check_cutoffs(cutoffs, vocabulary_size)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, lists for tuples, as JSON gives them back."""
        values = asdict(self)
        return {**values, "cutoffs": None if self.cutoffs is None else list(self.cutoffs)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `as_dict` described. Raises a ValueError for an unknown option, or a value that is out of its range."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            named = ", ".join(sorted(unknown))
            raise ValueError(f"a network has no option {named}, unless a newer rnnzoo has it.")
        return cls(**values)
