"""Names for versions, such as `stable` for 3, and when a name may be given."""

import enum
from collections.abc import Collection, Mapping

from rnnzoo.serving.server.repository.model_settings import ModelSettings
from rnnzoo.serving.server.status import Code, StatusError

__all__ = ["UnavailableLabels", "checked_labels"]


class UnavailableLabels(enum.Enum):
    """Which labels may stand for a version that is not loaded.

    The last two are TensorFlow Serving's `allow_version_labels_for_unavailable_models` and
    `force_allow_any_version_labels_for_unavailable_models`.
    """

    NONE = "none"
    NEW = "new"
    ANY = "any"


def checked_labels(
    models: Mapping[str, ModelSettings],
    served: Mapping[str, Collection[int]],
    before: Mapping[str, Mapping[str, int]],
    unavailable: UnavailableLabels,
) -> dict[str, dict[str, int]]:
    """The versions behind the labels of each model.

    Args:
        models: the settings, with the labels that are to be.
        served: the versions of each model that are loaded.
        before: the labels so far.
        unavailable: which labels may stand for another version.

    Raises:
        StatusError: in TensorFlow Serving's words, if one must not.
    """
    for name, settings in models.items():
        for label, version in settings.labels.items():
            moved = before.get(name, {}).get(label, version) != version
            allowed = unavailable is UnavailableLabels.ANY or (unavailable is UnavailableLabels.NEW and not moved)
            if version not in served.get(name, ()) and not allowed:
                raise StatusError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {name}, which is not currently available "
                    "for inference",
                )
    return {name: dict(settings.labels) for name, settings in models.items()}
