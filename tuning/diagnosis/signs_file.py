"""The signs of a training run in a CSV file: a row for each number, added while the run goes on."""

import csv
import io
import math
from dataclasses import fields
from pathlib import Path

from rnnzoo.atomic_files import atomic_file, named_in_errors
from rnnzoo.damaged_files import named_damage
from rnnzoo.tuning.diagnosis.signs import LayerSigns, NonFinite, Sample, Signs, VariableSigns

__all__ = ["COLUMNS", "SignsFile", "read_signs"]

COLUMNS = ("step", "name", "measure", "value")

_OF_VARIABLE, _OF_LAYER = ({field.name for field in fields(signs)} for signs in (VariableSigns, LayerSigns))


class SignsFile:
    """A CSV file of `COLUMNS` that grows with the run.

    Where a run is resumed, rows of steps that it takes again are dropped first: no row is ever there twice.

    Args:
        path: the file; its folder is made if there is none.

    Raises:
        OSError: if the file cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass  # it can be written to, which is better known now than after an hour
        self._written = 0

    def begin(self, step: int) -> Signs:
        """Keep what the file holds of the steps up to `step`, drop what comes later, and return what was kept."""
        signs = read_signs(self.path)
        signs.forget_after(step)
        with atomic_file(self.path) as file:
            file.write(_text([COLUMNS, *signs.rows()]).encode())
        self._written = step
        return signs

    def add(self, signs: Signs, step: int) -> None:
        """Add what `signs` hold of the steps after the last ones written, up to `step`."""
        # In one piece: a process that is killed leaves a step's rows, as a rule, all or none.
        with named_in_errors(self.path), self.path.open("ab") as file:
            file.write(_text(signs.rows(after=self._written)).encode())
        self._written = step


def read_signs(path: Path) -> Signs:
    """The signs that a file holds; what a power cut left unfinished, a last line or a sample, is passed over.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no file of signs, or is damaged.
    """
    with named_damage(path, "remove it"):
        return _read(path)


def _read(path: Path) -> Signs:
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    header, *lines = csv.reader(io.StringIO(text[: text.rfind("\n") + 1])) if "\n" in text else [list(COLUMNS)]
    if tuple(header) != COLUMNS:
        raise ValueError(f"its columns must be {','.join(COLUMNS)}, but are {','.join(header)}")
    signs = Signs()
    groups: dict[int, dict[str, dict[str, float]]] = {}
    for step, name, measure, value in lines:
        if measure == "loss":
            signs.losses[int(step)] = float(value)
        elif measure == "batches_learnt":
            signs.learnt[int(step)] = int(value)
        else:
            groups.setdefault(int(step), {}).setdefault(name, {})[measure] = float(value)
    for number, named in groups.items():
        if any(measures.keys() not in (_OF_VARIABLE, _OF_LAYER) for measures in named.values()):
            continue
        variables = {name: VariableSigns(**values) for name, values in named.items() if "gradient_norm" in values}
        layers = {name: LayerSigns(**values) for name, values in named.items() if "gradient_norm" not in values}
        signs.notice(Sample(step=number, variables=variables, layers=layers))
    bad_losses = [number for number, loss in signs.losses.items() if not math.isfinite(loss)]
    if bad_losses and (signs.first_non_finite is None or signs.first_non_finite.step > min(bad_losses)):
        signs.first_non_finite = NonFinite(what="loss", name="the loss", step=min(bad_losses))
    return signs


def _text(rows: object) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()
