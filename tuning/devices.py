"""What the devices of this machine ask for."""

import tensorflow as tf

__all__ = ["compiles_with_xla"]


def compiles_with_xla(jit_compile: bool | str) -> bool:
    """Whether a whole step is to be compiled with XLA.

    "auto" does so on a TPU alone. On a CPU the loops over time and the sampled softmax compile what gains by it
    themselves, and the products around them use more cores without; on a GPU, XLA has no cuDNN layers.

    Args:
        jit_compile: True, False or "auto".
    """
    return bool(tf.config.list_physical_devices("TPU")) if jit_compile == "auto" else bool(jit_compile)
