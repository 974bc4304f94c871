"""WikiText-2's files: finds them on this machine, downloads them once, and knows that they are the right ones."""

import hashlib
import os
import shutil
import tempfile
import urllib.request
import zipfile
from pathlib import Path

from rnnzoo.tuning.corpora.cache_folder import cache_folder

__all__ = ["ADDRESS", "SHA256", "check_files", "wikitext_folder"]

ADDRESS = "https://wikitext.smerity.com/wikitext-2-v1.zip"
SHA256 = {
    "train.txt": "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    "valid.txt": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    "test.txt": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
}
_TIMEOUT = 30  # seconds without an answer


def check_files(folder: Path) -> None:
    """Raise a FileNotFoundError or a ValueError unless `folder` holds WikiText-2, byte for byte."""
    for name, expected in SHA256.items():
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"the folder of WikiText-2 must hold {name}, but there is no {file}.")
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != expected:
            raise ValueError(f"{file} must be WikiText-2's, with SHA-256 {expected}, but it has {found}.")


def wikitext_folder() -> Path:
    """The folder with `train.txt`, `valid.txt` and `test.txt` of WikiText-2.

    Looks for a folder `wikitext-2` in `$RNNZOO_DATA`, then in `cache_folder()`, and downloads it to there if need be.

    Raises:
        FileNotFoundError: if it is in neither and cannot be downloaded.
        ValueError: if what was downloaded is something else.
    """
    cache = cache_folder()
    data = os.environ.get("RNNZOO_DATA")
    for place in [Path(data), cache] if data else [cache]:
        if (place / "wikitext-2").is_dir():
            return place / "wikitext-2"
    try:
        return _download(cache)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise FileNotFoundError(
            f"WikiText-2 must be in the folder wikitext-2 of $RNNZOO_DATA ({data or 'not set'}) or of {cache}, "
            f"but it is in neither, and could not be downloaded from {ADDRESS}: {error}."
        ) from error


def _download(cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        archive, folder = Path(temporary) / "wikitext-2.zip", Path(temporary) / "wikitext-2"
        with urllib.request.urlopen(ADDRESS, timeout=_TIMEOUT) as response, archive.open("wb") as file:
            shutil.copyfileobj(response, file)
        folder.mkdir()
        with zipfile.ZipFile(archive) as packed:
            for name in SHA256:
                member = f"wikitext-2/wiki.{name.removesuffix('.txt')}.tokens"
                with packed.open(member) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
        check_files(folder)
        try:
            return folder.rename(cache / "wikitext-2")
        except OSError:
            check_files(cache / "wikitext-2")  # another process was faster
            return cache / "wikitext-2"
