"""What runs on which of a machine's devices."""

import tensorflow as tf

__all__ = ["DEVICES", "check_device", "compiles_with_xla", "use_device"]

DEVICES = ("auto", "cpu", "gpu", "gpus", "tpu")

_GPU = "GPU"


def check_device(device: str) -> None:
    """Raise a ValueError if there is no such choice."""
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, but got {device=}.")


def use_device(device: str, worker: int | None = None) -> tf.distribute.Strategy | None:
    """Choose the devices that this process computes on; to be called before it computes anything.

    Args:
        device: "cpu"; "gpu", one, that of the worker's number where there are several; "gpus", all, which share each
            batch (`tf.distribute.MirroredStrategy`); "tpu" (`tf.distribute.TPUStrategy`); or "auto", a TPU or a GPU of
            the worker's own if there is one, and what TensorFlow takes by itself if there are no workers.
        worker: which of the workers of its machine this process is, from 0; None (default) if there are none.

    Returns:
        The strategy in whose scope models are to be made, None if they need none. Take one strategy for a whole
        process: a second one in its place hangs up on the first one's collective operations.

    Raises:
        ValueError: for another name, or if TensorFlow sees no such device.

    "cpu" was run; "gpus" was run on simulated devices alone, where two replicas learn what one device learns, but for
    rounding; "gpu" and "tpu" were never run on theirs.
    """
    check_device(device)
    gpus = tf.config.list_physical_devices(_GPU)
    tpus = tf.config.list_physical_devices("TPU")
    if device == "auto":
        device = "tpu" if tpus else "gpu" if gpus and worker is not None else "any"
    if device in ("gpu", "gpus") and not gpus:
        raise ValueError(f"{device} needs a GPU that TensorFlow sees, but there is none.")
    if device == "cpu" and gpus:
        tf.config.set_visible_devices([], _GPU)
    if device == "gpu":
        own = gpus[(worker or 0) % len(gpus)]
        tf.config.set_visible_devices([own], _GPU)
        if worker is not None:  # others may be on it, too
            tf.config.experimental.set_memory_growth(own, True)
    if device == "gpus":
        return tf.distribute.MirroredStrategy([logical.name for logical in tf.config.list_logical_devices(_GPU)])
    return _tpu_strategy() if device == "tpu" else None


def _tpu_strategy() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError, NotImplementedError) as error:
        raise ValueError(f"tpu needs a TPU that TensorFlow sees, but there is none: {_first_line(error)}") from error
    return tf.distribute.TPUStrategy(resolver)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def compiles_with_xla(jit_compile: bool | str) -> bool:
    """Whether a whole step is to be compiled with XLA.

    "auto" does so on a TPU alone. On a CPU the loops over time and the sampled softmax compile what gains by it
    themselves, and the products around them use more cores without; on a GPU, XLA has no cuDNN layers.

    Args:
        jit_compile: True, False or "auto".
    """
    return bool(tf.config.list_physical_devices("TPU")) if jit_compile == "auto" else bool(jit_compile)
