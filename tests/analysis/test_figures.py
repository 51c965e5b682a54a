"""The numbers behind the figures, and that figures refuse to draw from too little."""

import numpy as np
import pandas as pd
import pytest

from tlsfind.analysis import style
from tlsfind.analysis.captions import CAPTIONS
from tlsfind.analysis.figures import equilibration, fig1, fig3, fig3_prospective, fig4, fig6, loop
from tlsfind.analysis.stage import FIGURES
from tlsfind.units import BOLTZMANN, BUILT_IN, ELECTRON_VOLT

ARGON = BUILT_IN["argon"]


def texts(figure):
    """All text in a figure's panels and at its foot."""
    own = [t.get_text() for axes in figure.axes for t in axes.texts]
    return " ".join([*own, figure.get_supxlabel()]).replace("\n", " ")


def drawn(name, run):
    figure = FIGURES[name]
    with style.styled():
        return figure.draw(figure.collect(run.results), run.results)


def test_uniform_density_gives_n_0_back():
    rng = np.random.default_rng(2)
    n_0, volume, glasses, largest = 5.0, 1500.0, 40, 0.01
    expected = n_0 * volume * glasses * largest
    splittings = rng.uniform(0, largest, int(expected))
    found = fig4.plateau(splittings, ARGON, volume, glasses)
    assert found["n_0"] == pytest.approx(n_0, rel=4 / np.sqrt(found["tls"]))
    assert found["n_0_low"] < n_0 < found["n_0_high"]
    curve = fig4.cumulative_density(splittings, volume, glasses)
    flat = curve[curve["count"] > 200]
    np.testing.assert_allclose(flat["density"], n_0, rtol=0.25)
    assert curve["density"].iloc[-1] == pytest.approx(n_0, rel=0.01)
    assert (curve["low"] < curve["density"]).all()
    assert (curve["high"] > curve["density"]).all()


def test_n_0_in_real_units():
    """The paper's 0.67, 4.47, 25.14 per (eps sigma^3) are about 10^23, 10^24, 10^25 in argon."""
    found = fig4.plateau(np.full(67, 1e-4), ARGON, 67 / 0.67 / 0.0015, 1)
    assert found["n_0"] == pytest.approx(0.67)
    joule = ARGON.epsilon * BOLTZMANN
    expected = 0.67 / (joule / ELECTRON_VOLT) / (3.405e-8) ** 3
    assert found["n_0_ev_cm3"] == pytest.approx(expected, rel=1e-12)
    assert 1e23 < found["n_0_ev_cm3"] < 1e24


def test_fig4_counts_glasses_without_double_wells():
    wells = pd.DataFrame(
        {
            "glass": ["x", "x", "y"],
            "quantum_splitting_argon": [0.001, 0.01, 0.0014],
            "quantum_splitting_nip": [0.0001, 0.005, 0.0004],
        }
    )
    temperatures = {"x": 0.07, "y": 0.07, "z": 0.07, "w": 0.062}
    found = fig4.numbers(wells, temperatures, BUILT_IN, 200.0)
    glasses = found["per_glass"].set_index("glass")
    assert glasses["double_wells"].to_dict() == {"x": 2, "y": 1, "z": 0, "w": 0}
    assert glasses["tls"].to_dict() == {"x": 1, "y": 1, "z": 0, "w": 0}
    rows = found["plateau"].set_index(["preparation_temperature", "unit_system"])
    assert rows.loc[(0.07, "argon"), "n_0"] == pytest.approx(2 / (0.0015 * 200 * 3))
    assert rows.loc[(0.07, "nip"), "n_0"] == pytest.approx(1 / (0.0002 * 200 * 3))
    assert rows.loc[(0.062, "argon"), "n_0"] == 0
    assert rows.loc[(0.062, "argon"), "n_0_high"] == pytest.approx(3.689 / (0.0015 * 200), rel=1e-3)


@pytest.mark.parametrize("largest", [0, 1, 23, 24, 25, 400])
def test_histogram_edges_hold_every_integer(largest):
    edges = fig4.histogram_edges(largest)
    assert edges[0] == -0.5
    assert edges[-1] > largest
    assert len(edges) <= 26
    assert np.histogram(np.arange(largest + 1), edges)[0].sum() == largest + 1


def test_fig3_correlation_states_both():
    exact = np.array([1e-4, 1e-3, 1e-2, 1e-1])
    found = fig3.correlation(exact, 2 * exact)
    assert found["points"] == 4
    assert found["r_log"] == pytest.approx(1.0)
    assert found["r_linear"] == pytest.approx(1.0)
    assert found["median_decades"] == pytest.approx(np.log10(2))
    mixed = fig3.correlation(exact, np.array([1e-3, 1e-4, 1e-2, 1e-1]))
    assert mixed["r_linear"] > 0.99 > mixed["r_log"]


@pytest.mark.parametrize("temperature", [0.062, 0.092])
def test_fig3_panels_hold_the_right_pairs(run, temperature):
    paths = run.truth["paths"]
    here = paths["glass"].str.startswith(f"T{temperature:g}-") & (paths["status"] == "double_well")
    picked = paths[here & (paths["iteration"] >= 1)]
    prospective = fig3_prospective.collect(run.results)
    own = prospective["points"]
    own = own[own["preparation_temperature"] == temperature]
    np.testing.assert_allclose(
        np.sort(own["predicted"]), np.sort(picked["predicted_splitting"].astype(float))
    )
    rows = prospective["correlation"].set_index("preparation_temperature")
    expected = np.corrcoef(np.log10(own["exact"]), np.log10(own["predicted"]))[0, 1]
    assert rows.loc[temperature, "r_log"] == pytest.approx(expected)

    found = fig3.collect(run.results)
    points = found["points"]
    points = points[points["preparation_temperature"] == temperature]
    rows = found["correlation"].set_index(["quantity", "preparation_temperature"])
    for quantity, column in (("splitting", "quantum_splitting_argon"), ("barrier", "barrier")):
        own = points[points["quantity"] == quantity]
        np.testing.assert_allclose(np.sort(own["exact"]), np.sort(paths.loc[here, column]))
        expected = np.corrcoef(own["exact"], own["predicted"])[0, 1]
        assert rows.loc[(quantity, temperature), "r_linear"] == pytest.approx(expected)
        assert rows.loc[(quantity, temperature), "points"] == here.sum()


def test_fig3_letters_are_the_papers(run):
    """Two temperatures: a and b for the splitting, d and e for the barrier."""
    titles = [axes.get_title(loc="left") for axes in drawn("fig3", run).axes]
    assert titles == ["(a)", "(b)", "(d)", "(e)"]


def test_fig3_says_what_is_predicted_beside_a_refused_panel(run):
    fold = run.results.out_of_fold
    coldest = min(run.results.temperatures.values())
    kept = [run.results.temperatures[glass] != coldest for glass in fold["glass"]]
    numbers = fig3.numbers(fold[kept], run.results.temperatures)
    with style.styled():
        figure = fig3.draw(numbers, run.results)
    columns = len(set(run.results.temperatures.values()))
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert [bool(label) for label in labels] == 2 * [False, True, *[False] * (columns - 2)]


def test_fig3_without_predictions_of_the_barrier(run):
    fold = run.results.out_of_fold.assign(predicted_barrier=np.nan)
    numbers = fig3.numbers(fold, run.results.temperatures)
    assert set(numbers["points"]["quantity"]) == {"splitting"}
    with style.styled():
        figure = fig3.draw(numbers, run.results)
    assert "DW out of fold, $E_b$: 0 points, fewer than 10" in texts(figure)


def test_fig6_histograms_are_numpys(run):
    results = run.results
    rows = fig6.collect(results)["histograms"]
    together = rows[rows["preparation_temperature"].isna()]
    wells, pairs = results.double_wells, run.truth["pairs"]
    tls = wells[wells["quantum_splitting_argon"] < 0.0015]
    for population, frame in (("all", pairs), ("double_well", wells), ("tls", tls)):
        for panel in ("delta_e", "displacement_1", "total_displacement", "delta_0"):
            if panel not in frame:
                continue
            own = together[(together["panel"] == panel) & (together["population"] == population)]
            edges = np.append(own["low"], own["high"].iloc[-1])
            counts = np.histogram(frame[panel], edges)[0]
            np.testing.assert_array_equal(own["count"], counts)
            density = counts / (len(frame) * np.diff(edges))
            np.testing.assert_allclose(own["density"], density)


def test_fig6_coarsening_keeps_the_probability():
    histogram = fig6.Histogram(np.linspace(0, 4, 161))
    histogram.add(np.random.default_rng(0).gamma(4, 0.2, 60))
    edges, density = fig6.coarsen(fig6.as_frame(histogram))
    assert np.sum(density * np.diff(edges)) == pytest.approx(1.0)
    assert len(density) <= 2 * 60 ** (1 / 3) + 1
    assert fig6.quantile(fig6.as_frame(histogram), 1.0) == pytest.approx(edges[-1])


def test_inverse_line_of_an_inverse_distribution():
    """For p = 1 / (x ln(b / a)) on [a, b] the amplitude is 1 / ln(b / a)."""
    values = 10 ** np.random.default_rng(0).uniform(-9, -3, 20000)
    low, high, amplitude = fig6.inverse_amplitude(values)
    assert amplitude == pytest.approx(1 / np.log(1e6), rel=0.02)
    assert 1e-9 < low < high < 1e-3


def test_examples_are_spread_over_the_tls(run):
    results = run.results
    found = fig1.collect(results)
    levels = found["levels"]
    wells = results.double_wells
    tls = wells[results.is_tls(wells)]
    assert len(levels) == min(len(tls), fig1.EXAMPLES)
    np.testing.assert_allclose(
        levels["energy_2"] - levels["energy_1"], levels["quantum_splitting"], rtol=1e-9
    )
    extremes = tls["quantum_splitting_argon"]
    assert levels["quantum_splitting"].iloc[0] == extremes.min()
    assert levels["quantum_splitting"].iloc[-1] == extremes.max()
    first = found["profiles"][found["profiles"]["example"] == 0]
    np.testing.assert_array_equal(first["energy"], tls.iloc[0]["energy"])


def test_loop_counts(run):
    paths = run.truth["paths"]
    found = loop.collect(run.results)["iterations"].set_index("iteration")
    wells = paths["status"] == "double_well"
    tls = wells & (paths["quantum_splitting_argon"] < 0.0015)
    for k in (0, 1, 2):
        assert found.loc[k, "paths"] == (paths["iteration"] == k).sum()
        assert found.loc[k, "tls"] == (tls & (paths["iteration"] == k)).sum()
        assert found.loc[k, "total_double_wells"] == (wells & (paths["iteration"] <= k)).sum()


def test_equilibration_rows_carry_the_verdict(run):
    series = equilibration.collect(run.results)["series"]
    bad = series[~series["equilibrated"].astype(bool)]["glass"].unique().tolist()
    assert bad == ["T0.092-0001"]
    assert len(series) == 21 * 14


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_figure_says_what_it_rests_on(run, name):
    figure = drawn(name, run)
    foot = " ".join(figure.get_supxlabel().split())
    solved = len(run.truth["paths"]) + len(run.truth["standard"])
    assert f"run synthetic: 14 glasses of N = 200, 10,920 pairs, {solved:,} paths" in foot
    assert name in CAPTIONS
    assert style.png(figure, 60).startswith(b"\x89PNG")


def test_figures_refuse_to_draw_from_too_little(poor_run):
    assert "no TLS was found in this run" in texts(drawn("fig1", poor_run))
    said = texts(drawn("fig3_prospective", poor_run))
    assert "DW predicted when picked, $E_{qs}$: 0 points, fewer than 10" in said
    assert "2 glasses, fewer than 10: no histogram" in texts(drawn("fig4", poor_run))
    fig = drawn("fig6", poor_run)
    assert "TLS: 0 points, fewer than 10: not drawn" in texts(fig)


def test_more_points_needed_draws_nothing(run):
    config = run.config.model_copy(
        update={"analysis": run.config.analysis.model_copy(update={"min_points": 10**6})}
    )
    strict = run._replace(config=config)
    for name in ("fig3", "fig3_prospective", "fig4", "fig6"):
        figure = drawn(name, strict)
        panels = [axes for axes in figure.axes if axes.axison]
        assert panels
        assert all(not axes.lines and not axes.patches for axes in panels)
        assert all(axes.texts for axes in panels)


@pytest.mark.parametrize("name", ["fig3_prospective", "fig3", "figS10"])
def test_titles_lie_within_the_figure(run, name):
    """Panels of fixed shape need the layout twice; after once their titles were cut off."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with style.styled():
        drawing = FIGURES[name]
        figure = drawing.draw(drawing.collect(run.results), run.results)
        style.png(figure, 100)
        renderer = FigureCanvasAgg(figure).get_renderer()
        frame = figure.bbox.padded(1.0)
        titles = 0
        for axes in figure.axes:
            for where in ("left", "center"):
                if axes.get_title(loc=where):
                    artist = {"left": axes._left_title, "center": axes.title}[where]
                    box = artist.get_window_extent(renderer)
                    assert frame.y0 <= box.y0 < box.y1 <= frame.y1, axes.get_title(loc=where)
                    titles += 1
    assert titles >= 2
