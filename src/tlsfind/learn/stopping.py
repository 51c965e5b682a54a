"""When the active loop ends: the paper's rule (IV.H; checklist 35), or few TLS left to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StopOn = Literal["last_batch", "missing", "either"]


@dataclass(frozen=True)
class Verdict:
    """Whether the loop has converged, whether it ends here for any reason, and why, in words."""

    converged: bool
    finished: bool
    reason: str


def verdict(
    iteration: int,
    new_tls: int,
    total_tls: int,
    pairs_left: int,
    missing_high: float | None = None,
    trained: bool = True,
    *,
    stop_on: StopOn = "last_batch",
    stop_fraction: float,
    missing_fraction: float = 0.1,
    min_iterations: int,
    max_iterations: int,
) -> Verdict:
    """Decide after ``iteration``.

    1. No pair is left without a path: converged, there is nothing to select from.
    2. ``last_batch`` (the paper's rule): the last batch added less than ``stop_fraction`` of all
       TLS. ``missing``: the upper end of the interval of TLS still missing is below
       ``missing_fraction`` of all, found and missing. By ``stop_on`` either rule, or whichever is
       met, says: converged. This needs ``min_iterations`` batches chosen by models, at least one of
       them (iteration 1), and at least one TLS: with no TLS at all a batch without TLS says nothing
       about convergence, and the loop goes on.
    3. Without models, for want of rows to train on: the loop goes on.
    4. ``max_iterations`` batches were chosen by models: finished, not converged.

    Args:
        iteration: iteration of the loop, 0: the initial batch.
        new_tls: TLS of this iteration.
        total_tls: TLS of all iterations so far.
        pairs_left: pairs that have no path yet.
        missing_high: upper end of the interval of missing TLS; None: not known.
        trained: whether there are models.
        stop_on: ``loop.stop_on``.
        stop_fraction: ``loop.stop_fraction``.
        missing_fraction: ``loop.missing_fraction``.
        min_iterations: ``loop.min_iterations``.
        max_iterations: ``loop.max_iterations``.
    """
    if pairs_left <= 0:
        return Verdict(True, True, "every pair has a path")
    if not trained and iteration < max_iterations:
        return Verdict(False, False, "there are too few double wells or others to train on yet")
    met, said = [], []
    if stop_on in ("last_batch", "either"):
        few = new_tls < stop_fraction * total_tls
        met.append(few)
        bound = f"{'below' if few else 'at least'} {stop_fraction:g} of all"
        said.append(f"the last batch added {new_tls} of {total_tls} TLS, {bound}")
    if stop_on in ("missing", "either"):
        high = float("inf") if missing_high is None else missing_high
        few = high < missing_fraction * (total_tls + high)
        met.append(few)
        bound = f"{'below' if few else 'at least'} {missing_fraction:g} of all"
        said.append(f"at most {high:.1f} TLS are estimated missing, {bound}")
    done = total_tls > 0 and any(met)
    reason = " and ".join(
        text for text, is_met in zip(said, met, strict=True) if is_met or not any(met)
    )
    if done and iteration >= max(min_iterations, 1):
        return Verdict(True, True, reason)
    if iteration >= max_iterations:
        return Verdict(False, True, f"the maximum of {max_iterations} iterations was reached")
    if iteration == 0:
        return Verdict(False, False, "the initial batch was not chosen by the models of this run")
    if total_tls == 0:
        return Verdict(False, False, "no TLS was found yet")
    if done:
        return Verdict(False, False, f"{reason}, but {min_iterations} iterations are always run")
    return Verdict(False, False, reason)
