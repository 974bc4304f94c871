"""The commands, one a file: each parses, calls a room and prints."""

__all__: list[str] = []
