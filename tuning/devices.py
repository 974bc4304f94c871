"""What the devices of this machine ask for."""

import tensorflow as tf

__all__ = ["compiles_with_xla"]


def compiles_with_xla(jit_compile: bool | str) -> bool:
    """Whether a step is to be compiled with XLA; "auto" says yes where no GPU is visible: XLA has no cuDNN layers."""
    if jit_compile == "auto":
        return not tf.config.list_physical_devices("GPU")
    return bool(jit_compile)
