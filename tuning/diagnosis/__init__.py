"""How far back a network learns, the signs of its health, what would cure it. Each name is imported when first used."""

from typing import TYPE_CHECKING

from rnnzoo.lazy_names import lazy_names

if TYPE_CHECKING:
    from rnnzoo.tuning.diagnosis.diagnoses import Diagnosis, diagnose
    from rnnzoo.tuning.diagnosis.evidence import Evidence
    from rnnzoo.tuning.diagnosis.flow_results import GradientFlow, LayerFlow
    from rnnzoo.tuning.diagnosis.gradient_flows import gradient_flow, gradient_flow_of_rows
    from rnnzoo.tuning.diagnosis.gradient_health import GradientHealth
    from rnnzoo.tuning.diagnosis.lag_time_maps import LagTimeMap, lag_time_map
    from rnnzoo.tuning.diagnosis.remedies import remedies_for
    from rnnzoo.tuning.diagnosis.remedy import Remedy
    from rnnzoo.tuning.diagnosis.signs import Signs
    from rnnzoo.tuning.diagnosis.signs_file import read_signs
    from rnnzoo.tuning.diagnosis.verdict import Verdict, judge
    from rnnzoo.tuning.diagnosis.word_influences import WordInfluence, word_influence

_HOMES = {
    "Diagnosis": "diagnoses",
    "Evidence": "evidence",
    "GradientFlow": "flow_results",
    "GradientHealth": "gradient_health",
    "LagTimeMap": "lag_time_maps",
    "LayerFlow": "flow_results",
    "Remedy": "remedy",
    "Signs": "signs",
    "Verdict": "verdict",
    "WordInfluence": "word_influences",
    "diagnose": "diagnoses",
    "gradient_flow": "gradient_flows",
    "gradient_flow_of_rows": "gradient_flows",
    "judge": "verdict",
    "lag_time_map": "lag_time_maps",
    "read_signs": "signs_file",
    "remedies_for": "remedies",
    "word_influence": "word_influences",
}

__all__ = [
    "Diagnosis",
    "Evidence",
    "GradientFlow",
    "GradientHealth",
    "LagTimeMap",
    "LayerFlow",
    "Remedy",
    "Signs",
    "Verdict",
    "WordInfluence",
    "diagnose",
    "gradient_flow",
    "gradient_flow_of_rows",
    "judge",
    "lag_time_map",
    "read_signs",
    "remedies_for",
    "word_influence",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
