"""When the active loop ends (paper, IV.H; checklist 35)."""

from __future__ import annotations

from dataclasses import dataclass


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
    *,
    stop_fraction: float,
    min_iterations: int,
    max_iterations: int,
) -> Verdict:
    """Decide after the training of ``iteration``.

    1. No pair is left without a path: converged, there is nothing to select from.
    2. The last batch added less than ``stop_fraction`` of all TLS: converged. This needs
       ``min_iterations`` batches chosen by models, at least one of them (iteration 1), and at
       least one TLS: with no TLS at all a batch without TLS says nothing about convergence, and
       the loop goes on.
    3. ``max_iterations`` batches were chosen by models: finished, not converged.

    Args:
        iteration: iteration of the loop, 0: the initial batch.
        new_tls: TLS of this iteration.
        total_tls: TLS of all iterations so far.
        pairs_left: pairs that have no path yet.
        stop_fraction: ``loop.stop_fraction``.
        min_iterations: ``loop.min_iterations``.
        max_iterations: ``loop.max_iterations``.
    """
    if pairs_left <= 0:
        return Verdict(True, True, "every pair has a path")
    few = total_tls > 0 and new_tls < stop_fraction * total_tls
    added = f"the last batch added {new_tls} of {total_tls} TLS"
    if few and iteration >= max(min_iterations, 1):
        return Verdict(True, True, f"{added}, below {stop_fraction:g} of all")
    if iteration >= max_iterations:
        return Verdict(False, True, f"the maximum of {max_iterations} iterations was reached")
    if iteration == 0:
        return Verdict(False, False, "the initial batch was not chosen by a model")
    if total_tls == 0:
        return Verdict(False, False, "no TLS was found yet")
    if few:
        return Verdict(False, False, f"{added}, but {min_iterations} iterations are always run")
    return Verdict(False, False, f"{added}, at least {stop_fraction:g} of all")
