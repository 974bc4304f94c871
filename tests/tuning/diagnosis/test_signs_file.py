"""The file of signs is read wherever the process that wrote it was killed."""

from pathlib import Path

import pytest

from rnnzoo.tuning.diagnosis.signs import LayerSigns, Sample, Signs, VariableSigns
from rnnzoo.tuning.diagnosis.signs_file import SignsFile, read_signs


def _sample(step: int) -> Sample:
    measured = ("gradient_norm", "clipped_norm", "clipped", "weight_norm", "update_ratio", "bad_gradients")
    variable = VariableSigns(**dict.fromkeys(measured, 0.5), bad_weights=0.0)
    layer = LayerSigns(dead=0.25, saturated=0.0, largest=1.5)
    return Sample(step=step, variables={"kernel": variable, "bias": variable}, layers={"lstm": layer})


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, Signs]:
    signs, file = Signs(), SignsFile(tmp_path / "signs.csv")
    file.begin(0)
    for step in (1, 2, 3):
        signs.losses[step] = 5.0 - step
        if step != 2:
            signs.notice(_sample(step))
        file.add(signs, step)
    return file.path, signs


def test_what_is_added_step_by_step_is_read_back(whole: tuple[Path, Signs]) -> None:
    path, signs = whole
    assert signs == read_signs(path)


def test_a_sample_that_was_cut_off_is_passed_over(whole: tuple[Path, Signs]) -> None:
    path, signs = whole
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith("3,kernel,"))
    for kept in range(first + 1, len(lines)):
        path.write_text("".join(lines[:kept]))
        read = read_signs(path)
        assert signs.losses == read.losses
        assert signs.samples[0] == read.samples[0]


def test_a_run_goes_on_after_a_sample_that_was_cut_off(whole: tuple[Path, Signs]) -> None:
    path, signs = whole
    path.write_text(path.read_text().rpartition("3,bias,update_ratio")[0])
    file = SignsFile(path)
    again = file.begin(2)
    assert [1] == [sample.step for sample in again.samples]
    again.losses[3] = signs.losses[3]
    again.notice(_sample(3))
    file.add(again, 3)
    assert signs == read_signs(path)


@pytest.mark.parametrize("row", ["3,loss", "x,loss,loss,1.0", "3,loss,loss,much"])
def test_a_damaged_row_is_said_of_the_file(row: str, whole: tuple[Path, Signs]) -> None:
    path, _ = whole
    path.write_text(f"{path.read_text()}{row}\n")
    with pytest.raises(ValueError, match=r"signs\.csv must be as rnnzoo wrote it, but it is not: .*; remove it\."):
        read_signs(path)


def test_a_full_disk_is_said_of_the_file(whole: tuple[Path, Signs], monkeypatch: pytest.MonkeyPatch) -> None:
    path, signs = whole
    file = SignsFile(path)
    file.path = Path("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as raised:
        file.add(signs, 3)
    assert "/dev/full" == raised.value.filename
