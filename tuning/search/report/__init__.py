"""What a search found, as a page with pictures and as files for other programs."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.search.report.page import write_report
    from rnnzoo.tuning.search.report.reported_search import ReportedSearch, ReportedTrial, read_search

_HOMES = {
    "ReportedSearch": "reported_search",
    "ReportedTrial": "reported_search",
    "read_search": "reported_search",
    "write_report": "page",
}

__all__ = ["ReportedSearch", "ReportedTrial", "read_search", "write_report"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
