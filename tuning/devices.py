"""What the devices of this machine ask for."""

import tensorflow as tf

__all__ = ["compiles_with_xla"]


def compiles_with_xla(jit_compile: bool | str, many_operations: bool = False) -> bool:
    """Whether a step is to be compiled with XLA.

    "auto" compiles training with a sampled or an adaptive softmax on a CPU, which many small operations make up. A full
    softmax is a few large products, which gain nothing and compile for seconds; and XLA has no cuDNN layers for GPUs.

    Args:
        jit_compile: True, False or "auto".
        many_operations: whether the step is training with a softmax that is not full.
    """
    if jit_compile == "auto":
        return many_operations and not tf.config.list_physical_devices("GPU")
    return bool(jit_compile)
