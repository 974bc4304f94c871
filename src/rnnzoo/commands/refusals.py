"""Options that would be passed over without a word are refused with one."""

import typer

__all__ = ["refuse_without"]


def refuse_without(switch: str, *options: str) -> None:
    """Options that change nothing because the switch is off are a mistake."""
    if options:
        raise typer.BadParameter(f"it needs {switch}.", param_hint=options[0])
