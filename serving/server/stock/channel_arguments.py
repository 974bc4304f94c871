"""The value of `--grpc_channel_arguments`."""

__all__ = ["parse_channel_arguments"]

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


def parse_channel_arguments(text: str) -> tuple[tuple[str, str | int], ...]:
    """Names and values, as gRPC takes them: what reads as an int32 is one, all else is text.

    Raises:
        ValueError: if one has no value.

    >>> parse_channel_arguments("grpc.max_connection_age_ms=2000,grpc.lb_policy_name=pick_first")
    (('grpc.max_connection_age_ms', 2000), ('grpc.lb_policy_name', 'pick_first'))
    >>> parse_channel_arguments("")
    ()
    """
    pairs: list[tuple[str, str | int]] = []
    for argument in filter(None, text.split(",")):
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise ValueError(f"grpc_channel_arguments must be name=value,name=value,..., but got {argument!r}.")
        pairs.append((name, _number(value)))
    return tuple(pairs)


def _number(value: str) -> str | int:
    try:
        number = int(value.strip()) if "_" not in value else None
    except ValueError:
        return value
    return number if number is not None and _SMALLEST <= number <= _LARGEST else value
