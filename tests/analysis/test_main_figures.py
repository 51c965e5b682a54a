"""The numbers of Figs. 1a, 2 and 4a: a cut through the landscape, the run, confusion of TLS."""

import itertools

import numpy as np
import pandas as pd
import pytest

from tlsfind.analysis import confusion, style
from tlsfind.analysis.figures import fig1, fig2, fig4


def well(glass, a, b, rise, barrier, length=1.0, transitions=0):
    """A double well of a library: V from 0 at a over the barrier to ``rise`` at b."""
    xi = np.linspace(-0.2, 1.2, 29)
    energy = 16.0 * barrier * (xi * (1.0 - xi)) ** 2 + rise * xi
    return {
        "glass": glass, "minimum_a": a, "minimum_b": b, "barrier": barrier, "path_length": length,
        "transitions_ab": transitions, "transitions_ba": 0, "xi": xi, "energy": energy,
    }  # fmt: skip


def test_chain_goes_from_minimum_to_minimum():
    """A line of four minima, a branch of higher barrier, and a shorter line in another glass."""
    wells = pd.DataFrame(
        [
            well("x", 0, 1, 0.1, 0.3),
            well("x", 1, 2, 0.1, 0.2),
            well("x", 1, 5, 0.1, 0.9),
            well("x", 3, 2, -0.1, 0.2),
            well("y", 0, 1, 0.1, 0.1),
        ]
    )
    walked = fig1.chain(wells)
    assert [row for row, _ in walked] in ([0, 1, 3], [3, 1, 0])
    ends = [(wells.loc[row, "minimum_a"], wells.loc[row, "minimum_b"]) for row, _ in walked]
    walk = [pair[::-1] if back else pair for pair, (_, back) in zip(ends, walked, strict=True)]
    assert all(first[1] == second[0] for first, second in itertools.pairwise(walk))


def test_chain_visits_no_minimum_twice():
    ring = [well("x", i, (i + 1) % 5, 0.1, 0.1 + 0.01 * i) for i in range(5)]
    walked = fig1.chain(pd.DataFrame(ring))
    assert len(walked) == 4
    long = [well("x", i, i + 1, 0.1, 0.1) for i in range(20)]
    assert len(fig1.chain(pd.DataFrame(long))) == fig1.SEGMENTS
    assert fig1.chain(pd.DataFrame(long).iloc[:0]) == []


def test_cut_is_continuous_and_keeps_energies():
    wells = pd.DataFrame(
        [
            well("x", 0, 1, 0.1, 0.3, length=2.0, transitions=3),
            well("x", 2, 1, 0.25, 0.5, length=1.5),
        ]
    )
    found = fig1.cut(wells, np.array([True, False]))
    line, segments = found["cut"], found["segments"]
    assert segments["tls"].sum() == 1
    assert segments.set_index("tls")["transitions"].to_dict() == {True: 3, False: 0}
    first, second = (line[line["segment"] == number] for number in (0, 1))
    assert second["energy"].iloc[0] == pytest.approx(first["energy"].iloc[-1])
    assert second["length"].iloc[0] == pytest.approx(first["length"].iloc[-1])
    assert line["length"].iloc[-1] == pytest.approx(3.5)
    # minimum 2 is the lowest: 0.25 below 1, and 0.15 below 0
    ends = {float(first["energy"].iloc[0]), float(second["energy"].iloc[-1])}
    assert sorted(ends) == pytest.approx([0.0, 0.15])
    assert line["energy"].max() > 0.5


def test_cut_of_nothing():
    empty = pd.DataFrame([well("x", 0, 1, 0.1, 0.2)]).iloc[:0]
    found = fig1.cut(empty, np.zeros(0, dtype=bool))
    assert found["cut"].empty
    assert found["segments"].empty


def test_levels_are_spread_over_the_ranks():
    found = fig1.glass_levels({"x": np.arange(1000.0)[::-1], "y": np.array([3.0, 1.0])})
    own = found[found["glass"] == "x"]["energy_per_particle"]
    assert len(own) == fig1.LEVELS
    assert (own.min(), own.max()) == (0.0, 999.0)
    assert found[found["glass"] == "y"]["energy_per_particle"].tolist() == [1.0, 3.0]


def test_flow_chart_has_the_runs_numbers(run):
    results = run.results
    boxes = fig2.collect(results)["boxes"]
    text = boxes.groupby("box")["text"].apply("\n".join)
    assert set(text.index) == set(fig2.PLACES)
    assert "$T_f$ = 0.062: 4" in text["glasses"]
    assert "2,800 quenches" in text["explore"]
    assert text["minima"] == "560"
    assert text["pairs"].startswith("10,920")
    assert "10 features, M = 3" in text["pairs"]
    paths = run.truth["paths"]
    assert f"$K_0$ = {(paths['iteration'] == 0).sum():,}" in text["initial"]
    assert f"{len(paths):,} paths" in text["paths"]
    assert "accuracy 0.920" in text["classifier"]
    assert "2 iterations" in text["select"]
    assert "converged" in text["stop"]
    wells = results.double_wells
    assert text["library"] == f"{len(wells):,} DW\n{results.is_tls(wells).sum():,} TLS"
    assert all(start in fig2.PLACES and end in fig2.PLACES for start, end in fig2.ARROWS)


def fold(exact, predicted):
    n = len(exact)
    return pd.DataFrame(
        {
            "glass": ["x"] * n, "is_double_well": True, "quantum_splitting": exact,
            "predicted_splitting": predicted,
        }
    )  # fmt: skip


def test_confusion_and_multiples():
    threshold = 1.0
    frame = fold([0.5, 0.6, 0.7, 0.8, 2.0, 3.0], [0.4, 1.5, 3.0, 5.0, 0.9, 6.0])
    other = fold([np.nan], [np.nan]).assign(is_double_well=False)
    found = fig4.agreement(pd.concat([frame, other]), {"x": 0.07}, threshold)
    matrix = found["confusion"].set_index(["exact", "predicted"])["count"]
    assert matrix[("tls", "tls")] == 1
    assert matrix[("tls", "double_well")] == 3
    assert matrix[("double_well", "tls")] == 1
    assert matrix[("double_well", "double_well")] == 1
    rows = found["multiples"].set_index("multiple")
    assert rows["share"].to_dict() == {1.0: 0.25, 2.0: 0.5, 4.0: 0.75}
    assert rows["others_below"].to_dict() == {1.0: 1, 2.0: 1, 4.0: 1}
    assert len(found["points"]) == 6


def test_shares_of_tls_only_from_enough(poor_run):
    with style.styled():
        figure = fig4.draw(fig4.collect(poor_run.results), poor_run.results)
    said = " ".join(text.get_text() for text in figure.axes[0].texts).replace("\n", " ")
    assert "fewer than 10" in said
    assert "%" not in said


def test_classes():
    found = confusion.classes(
        np.array([True, True, False, True]), np.array([0.5, 2.0, 0.5, np.nan]), 1.0
    )
    assert found.tolist() == ["tls", "double_well", "other", "double_well"]


def test_confusion_shares_are_of_the_exact_class():
    exact = np.array(["tls", "tls", "other", "other", "other"])
    predicted = np.array(["tls", "other", "other", "tls", "other"])
    found = confusion.counts(exact, predicted).set_index(["exact", "predicted"])
    assert found["count"].sum() == 5
    assert found.loc[("tls", "tls"), "share"] == 0.5
    assert found.loc[("other", "tls"), "share"] == pytest.approx(1 / 3)
    assert np.isnan(found.loc[("double_well", "tls"), "share"])


def test_chain_goes_through_a_tls():
    """A shorter chain with a TLS is taken before a longer one without."""
    long = [well("x", i, i + 1, 0.1, 0.1) for i in range(5)]
    wells = pd.DataFrame([*long, well("y", 0, 1, 0.1, 0.1), well("y", 1, 2, 0.1, 0.1)])
    is_tls = np.zeros(len(wells), dtype=bool)
    assert len(fig1.chain(wells, is_tls)) == 5
    is_tls[6] = True
    assert {row for row, _ in fig1.chain(wells, is_tls)} == {5, 6}
