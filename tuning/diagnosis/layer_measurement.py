"""From what one recurrent layer recorded, pass by pass, to its `LayerFlow`."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rnnzoo.tuning.diagnosis.cell_steps import CellStep
from rnnzoo.tuning.diagnosis.flow_results import JacobianFlow, LayerFlow, StateFlow, WeightFlow
from rnnzoo.tuning.diagnosis.jacobians import jacobian_products, singular_values
from rnnzoo.tuning.diagnosis.recorded_loop import Recording
from rnnzoo.tuning.diagnosis.spectra import spectral_radii
from rnnzoo.tuning.diagnosis.weight_terms import term_sizes

__all__ = ["LayerMeasurement", "state_norms"]

Array = npt.NDArray[np.float64]

# Products of Jacobians are smooth in the lag: singular values at so many lags show all there is to see.
_JACOBIAN_LAGS = 24


class LayerMeasurement:
    """What has been measured of a layer.

    Args:
        layer, step: the layer and the step of its cell.
        lags: K.
        jacobian_rows: for how many rows the Jacobian products are written out; those of the first pass are taken.
    """

    def __init__(self, layer: Any, step: CellStep, lags: int, jacobian_rows: int) -> None:
        self.layer, self.step, self.lags, self.jacobian_rows = layer, step, lags, jacobian_rows
        self.any_step_shown = False
        self.has_cell = step.state_names[1:2] == ("cell",)
        self.norms: dict[int, list[Array]] = {}
        self.terms: dict[str, list[tuple[Array, Array]]] = {}
        self.jacobians: dict[int, JacobianFlow] = {}

    def add(self, recording: Recording, rows: int) -> None:
        """Take in a pass, of which the first `rows` rows count."""
        self.any_step_shown |= recording.mask is None or bool(tf.reduce_any(recording.mask))
        states = (0, 1) if self.has_cell else (0,)
        for state in states:
            norms = state_norms(recording.d_states[state], self.step.units)
            self.norms.setdefault(state, []).append(norms[:rows, : self.lags + 1])
        for name, term in recording.terms.items():
            sizes = term_sizes(term, self.lags)
            parts = self.terms.setdefault(name, [])
            parts.append((sizes.norms.numpy()[:rows], sizes.contributions.numpy()[:rows]))
        if not self.jacobians:
            lags = np.unique(np.geomspace(1, self.lags, _JACOBIAN_LAGS).round().astype(np.int64))
            products = jacobian_products(self.step, recording, lags.tolist(), min(self.jacobian_rows, rows), states)
            self.jacobians = {state: _jacobian_flow(lags, product) for state, product in products.items()}

    def result(self) -> LayerFlow:
        """What all passes say together; raise a ValueError if a mask hid every step from the layer."""
        if not self.any_step_shown:
            raise ValueError(f"the mask must show some steps, but it hides all of them from {self.layer.name}.")
        flows = {state: StateFlow.from_norms(np.concatenate(parts)) for state, parts in self.norms.items()}
        return LayerFlow(
            name=self.layer.name,
            kind=type(self.layer.cell).__name__,
            units=self.step.units,
            hidden=flows[0],
            cell=flows.get(1),
            weights={
                name: WeightFlow.from_sizes(*(np.concatenate(sizes) for sizes in zip(*parts, strict=True)))
                for name, parts in self.terms.items()
            },
            jacobian=self.jacobians[0],
            cell_jacobian=self.jacobians.get(1),
            spectral_radii=spectral_radii(self.layer.cell),
        )


def state_norms(d_states: Any, units: int) -> Array:
    """From the gradients by a state (time, rows, n) to their norms (rows, lags), lag 0 first.

    Of a history of hidden states the newest counts, which is the one that the step made.
    """
    return np.linalg.norm(np.asarray(d_states)[::-1, :, :units], axis=-1).T


def _jacobian_flow(lags: npt.NDArray[np.int64], products: Array) -> JacobianFlow:
    """From the products (lags, rows, u, u)."""
    values = np.median(singular_values(products), axis=1)  # (lags, u), largest first
    return JacobianFlow(
        lags=lags, largest=values[:, 0], median=values[:, values.shape[-1] // 2], smallest=values[:, -1]
    )
