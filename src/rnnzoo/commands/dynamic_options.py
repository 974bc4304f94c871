"""`--dynamic` and its numbers."""

from typing import Annotated

import typer

from rnnzoo.commands.refusals import refuse_without
from rnnzoo.tuning.evaluation.dynamic_options import RULES, DynamicEvaluation

__all__ = ["Dynamic", "DynamicDecay", "DynamicRate", "DynamicRule", "DynamicSegment", "chosen_dynamics"]

_PANEL = "Dynamic evaluation"

Dynamic = Annotated[
    bool,
    typer.Option(
        "--dynamic", help="Learn from the text while reading it, and forget it again.", rich_help_panel=_PANEL
    ),
]
DynamicRule = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(RULES), help=f"How weights move; {DynamicEvaluation.rule} by default.", rich_help_panel=_PANEL
    ),
]
DynamicRate = Annotated[
    float | None,
    typer.Option(
        help="The learning rate; " + ", ".join(f"{rate:g} for {rule}" for rule, rate in RULES.items()) + " by default.",
        rich_help_panel=_PANEL,
    ),
]
DynamicDecay = Annotated[
    float | None,
    typer.Option(
        help=f"How fast weights return to what they were, from 0 to 1; {DynamicEvaluation.decay} by default.",
        rich_help_panel=_PANEL,
    ),
]
DynamicSegment = Annotated[
    int | None,
    typer.Option(
        help=f"How many words are read between two steps; {DynamicEvaluation.segment} by default.",
        rich_help_panel=_PANEL,
    ),
]


def chosen_dynamics(
    wanted: bool, rule: str | None, rate: float | None, decay: float | None, segment: int | None
) -> DynamicEvaluation | None:
    """What the options ask for; None where no dynamic evaluation is wanted."""
    options = {"rule": rule, "rate": rate, "decay": decay, "segment": segment}
    given = {name: value for name, value in options.items() if value is not None}
    if not wanted:
        refuse_without("--dynamic", *(f"--dynamic-{name}" for name in given))
        return None
    if "rate" in given:
        given["learning_rate"] = given.pop("rate")
    return DynamicEvaluation(**given)  # type: ignore[arg-type]
