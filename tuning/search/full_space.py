"""All that can be searched, in ranges that make sense for every network of the zoo. Needs no TensorFlow."""

from collections.abc import Collection, Mapping, Sequence

from rnnzoo.models.architectures import NetworkConfig
from rnnzoo.tuning.search.conditions import scope_of
from rnnzoo.tuning.search.hyperparameters import (
    CLIPPING,
    Hyperparameter,
    parse_hyperparameter,
    parse_hyperparameters,
)
from rnnzoo.tuning.training_config import CLIPPINGS, TrainingConfig

__all__ = ["FULL_SPACE", "full_space"]

# Ranges end where the literature's values and those that fail by far end.
FULL_SPACE: Mapping[str, str] = {
    "learning_rate": "1e-5:1e2:log",  # from Adam's smallest to SGD's largest
    "clipping": "none,clipnorm,clipvalue,global_clipnorm",
    "clipnorm": "1e-2:1e2:log",
    "clipvalue": "1e-4:1e1:log",  # of single entries, so smaller than norms
    "global_clipnorm": "1e-2:1e2:log",
    "optimizer": "sgd,adam,rmsprop",
    "schedule": "constant,warmup,cosine,plateau",
    "warmup": "0:0.3",
    "units": "64:512:log:2",
    "layers": "1:3",
    "dropout": "0:0.6",
    "recurrent_dropout": "0:0.5",
    "recurrent_initializer": "orthogonal,identity,np_rnn,glorot_uniform",
    "recurrent_scale": "0.01:1:log",  # from Le et al.'s value for speech to the identity itself
    "normalization": "none,layer,batch",
    "negative_slope": "0.01:0.5:log",
    "skip": "2:16:log:2",
    "dilated": "true,false",
    "budget": "1e-6:1e-3:log",
    "longest_lag": "4:256:log:2",
    "batch_size": "8:64:log:2",
    "window": "10:80:log:2",
}


def full_space(
    networks: Sequence[NetworkConfig],
    training: TrainingConfig,
    given: Mapping[str, str] | None = None,
    held: Collection[str] = (),
) -> dict[str, str]:
    """`FULL_SPACE`, as far as it means something to these networks, with `given` in place of what it says.

    Args:
        networks: the networks to choose from.
        training: the recipe.
        given: hyperparameters by name, as `parse_hyperparameters` reads them; they stay, whether they mean anything or
            not, so that a mistake is found where the space is made.
        held: names that do not vary, because the networks or the recipe settle them.

    Example:
        >>> space = full_space([NetworkConfig(network="lstm")], TrainingConfig(), {"schedule": "plateau"})
        >>> [name in space for name in ("longest_lag", "skip", "warmup")], space["schedule"]
        ([True, False, False], 'plateau')
    """
    given = given or {}
    space = {**{name: text for name, text in FULL_SPACE.items() if name not in held}, **given}
    if CLIPPING in space:
        clipping = parse_hyperparameter(f"{CLIPPING}={space[CLIPPING]}")
        unused = set(CLIPPINGS) - set(clipping.ends) - set(given)
        space = {name: text for name, text in space.items() if name not in unused}
    varied = parse_hyperparameters([f"{name}={text}" for name, text in space.items()])
    named = {config.network: config for config in networks}
    return {name: text for name, text in space.items() if name in given or _is_read(name, named, training, varied)}


def _is_read(
    name: str,
    networks: Mapping[str, NetworkConfig],
    training: TrainingConfig,
    varied: Mapping[str, Hyperparameter],
) -> bool:
    try:
        scope_of(name, networks, training, varied)
    except ValueError:
        return False
    return True
