"""How much one request to an export of ours may ask for: a short message must claim neither all memory nor all time."""

from rnnzoo.serving.server.calls.inference import Question
from rnnzoo.serving.server.repository.servable import Servable
from rnnzoo.serving.server.status import invalid
from rnnzoo.serving.signatures import MOST_WORDS

__all__ = ["check_bounds"]

_MOST_BATCHES = 16  # of rows, where they need no batch
_MOST_LOGITS = 2**25  # a run holds some three arrays of them: 400 MB
_MOST_TEXT_BYTES = 2**21  # of all rows, each as long as the longest: a word takes some kilobytes
_MOST_WORDS = 10 * MOST_WORDS  # that `generate` writes in all rows: nothing ends a run that nobody waits for any more


def check_bounds(servable: Servable, question: Question, max_batch_size: int) -> None:
    """Refuses a question to an export of ours that would take too much memory, or too long.

    Args:
        servable: what is asked; other models are their owners' business.
        question: about to run.
        max_batch_size: the rows that may run in any case.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    if not servable.own_export:
        return
    rows = longest = 0
    for array in question.feeds.values():
        if array.ndim:
            rows = max(rows, len(array))
        if array.dtype.hasobject:
            longest = max(longest, max(map(len, array.flat), default=0))
    if rows > max_batch_size:
        most = max(max_batch_size, min(_MOST_BATCHES * max_batch_size, _MOST_LOGITS // _vocabulary_size(servable)))
        if rows > most:
            raise invalid(f"Task size {rows} is larger than maximum input batch size {most}")
    if rows * longest > _MOST_TEXT_BYTES:
        raise invalid(
            f"rows times the bytes of the longest text must be at most {_MOST_TEXT_BYTES}, "
            f"but got {rows} times {longest}."
        )
    if question.signature_name == "generate":
        words = int(question.feeds[question.signature.inputs["max_words"].name].max(initial=0))
        if rows * words > _MOST_WORDS:
            raise invalid(f"rows times max_words must be at most {_MOST_WORDS}, but got {rows} times {words}.")


def _vocabulary_size(servable: Servable) -> int:
    return int(servable.signatures["step"].outputs["log_probabilities"].tensor_shape.dim[1].size)
