"""The commands, one a file: each parses, calls a room and prints."""
