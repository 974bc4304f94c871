"""WikiText-2: two million words of Wikipedia, tokenised, with `<unk>` already in place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from rnnzoo.tuning.corpora.corpus import SPLITS, Corpus
from rnnzoo.tuning.corpora.wikitext_files import SHA256, check_files, wikitext_folder

__all__ = ["WikiText2"]


@dataclass(frozen=True, kw_only=True)
class WikiText2(Corpus):
    """WikiText-2, the corpus that word language models are compared on.

    Every line of the files is a line here, blank ones too, as in the published counts: with one `<eos>` a line,
    2,088,628 training, 217,646 validation and 245,569 test tokens, and 33,278 words over the three splits.

    Args:
        folder: where `train.txt`, `valid.txt` and `test.txt` are. By default the folder `wikitext-2` of `$RNNZOO_DATA`
            or of `~/.cache/rnnzoo` (see `cache_folder`); if there is neither, they are downloaded to the latter.

    Raises:
        FileNotFoundError: if the files are nowhere and cannot be downloaded.
        ValueError: if a file is not WikiText-2's, byte for byte.

    Source: Merity et al., "Pointer Sentinel Mixture Models", 2016. Text by Wikipedia's contributors, CC BY-SA 3.0.
    """

    vocabulary_splits: ClassVar[tuple[str, ...]] = SPLITS

    name: str = field(default="wikitext-2", init=False)
    rule: str = field(default="wikitext", init=False)
    folder: Path = field(default_factory=wikitext_folder)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        check_files(self.folder)

    @property
    def identity(self) -> str:
        return f"wikitext-2 {SHA256}"

    def _lines(self, split: str) -> Iterator[list[str]]:
        with (self.folder / f"{split}.txt").open(encoding="utf-8", newline="\n") as file:
            yield from map(str.split, file)
