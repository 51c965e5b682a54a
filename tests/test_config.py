"""The config: defaults, messages, the hash, and the paper's values in config/paper."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import yaml

from tlsfind.config import dump, load, parse
from tlsfind.errors import ConfigError

ROOT = Path(__file__).parents[1]

MINIMAL = {
    "run": {"name": "small", "output": "results/small"},
    "glasses": [
        {"preparation_temperature": 0.092, "count": 2},
        {"preparation_temperature": 0.07, "count": 1},
        {"preparation_temperature": 0.092, "count": 1},
    ],
    "prepare": {"blocks": 20},
    "explore": {"trajectories": 9, "steps": 10, "quench_every": 5},
}


def changed(**sections):
    """The minimal config with keys of its sections set."""
    content = copy.deepcopy(MINIMAL)
    for section, values in sections.items():
        content.setdefault(section, {}).update(values)
    return content


def test_blocks_of_a_group():
    content = copy.deepcopy(MINIMAL)
    content["glasses"][1]["blocks"] = 300
    config = parse(content)
    assert [config.prepare_of(name).blocks for name in config.glass_names] == [20, 20, 300, 20]
    assert config.prepare_of("T0.07-0000").md_steps == config.prepare.md_steps


def test_a_glass_of_frames_has_no_blocks():
    content = copy.deepcopy(MINIMAL)
    content["glasses"][1] |= {"frames": ["dump.*"], "blocks": 300}
    with pytest.raises(ConfigError, match="is not prepared, found blocks 300; expected none"):
        parse(content)


def test_defaults_are_the_papers():
    config = parse(MINIMAL)
    model = config.model
    assert (model.n_particles, model.density) == (1500, 1.0)
    assert (model.diameter_min, model.diameter_max) == (0.73, 1.62)
    assert config.prepare.swaps_per_particle == 5.0
    assert config.prepare.md_steps * config.prepare.time_step == pytest.approx(0.1)
    assert config.prepare.cooling_temperature == config.explore.temperature == 0.04
    assert config.explore.time_step == 0.01
    assert config.explore.force_tolerance == 1e-6
    assert config.pairs.particles == 3
    assert config.paths.images == 40
    assert config.loop.stop_fraction == 0.01
    assert config.loop.standard_transitions == 4


def test_glass_names_are_stable_and_numbered_by_temperature():
    config = parse(MINIMAL)
    assert config.glass_names == ["T0.092-0000", "T0.092-0001", "T0.07-0000", "T0.092-0002"]
    assert config.glass("T0.07-0000") == (2, 0.07)
    assert config.glass("T0.092-0002") == (3, 0.092)
    with pytest.raises(ConfigError, match=r"no glass 'T0\.1-0000'"):
        config.glass("T0.1-0000")


def test_trajectory_blocks_cover_all_trajectories():
    assert parse(MINIMAL).trajectory_blocks == 3
    assert parse(changed(explore={"trajectories": 8})).trajectory_blocks == 2


def test_unit_systems_start_with_the_loops():
    own = {"silica": {"sigma": 3.2, "mass": 60.0, "epsilon": 900.0}}
    config = parse(changed(units=own, loop={"unit_system": "silica"}))
    assert list(config.unit_systems) == ["silica", "argon", "nip"]
    assert config.unit_systems["silica"].tls_threshold == pytest.approx(1 / 900)
    assert list(parse(MINIMAL).unit_systems) == ["argon", "nip"]


def test_built_in_unit_system_can_be_redefined():
    own = {"argon": {"sigma": 3.4, "mass": 40.0, "epsilon": 120.0}}
    assert parse(changed(units=own)).unit_systems["argon"].epsilon == 120.0


def test_hash_is_of_what_matters():
    config = parse(MINIMAL)
    assert config.hash == parse(yaml.safe_load(dump(config))).hash
    assert config.hash == parse(changed(run={"output": "elsewhere"})).hash
    assert config.hash == parse(changed(analysis={"formats": ["pdf"]})).hash
    assert config.hash == parse(changed(model={"n_particles": 1500})).hash
    assert config.hash != parse(changed(run={"seed": 2})).hash
    assert config.hash != parse(changed(explore={"steps": 11})).hash


def test_dump_is_complete_and_reads_back(tmp_path):
    config = parse(MINIMAL)
    path = tmp_path / "config.yaml"
    path.write_text(dump(config))
    assert load(path) == config
    assert set(yaml.safe_load(dump(config))["loop"]) == set(type(config.loop).model_fields)


def test_one_message_lists_every_problem():
    content = changed(
        model={"n_particles": 10, "densty": 1.0},
        explore={"temperature": 40.0},
        loop={"acquisition": "best"},
    )
    del content["run"]["output"]
    with pytest.raises(ConfigError) as caught:
        parse(content, "my.yaml")
    message = str(caught.value)
    assert message.startswith("my.yaml: 5 problem(s)")
    for part in (
        "run.output: required key is missing",
        "model.densty: unknown key, expected one of density,",
        "model.n_particles: Input should be greater than or equal to 200, found 10",
        "explore.temperature: Input should be less than or equal to 10, found 40.0",
        "loop.acquisition:",
        "'best'",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"diameter_min": 2.0}}, "diameter_max 1.62 is below diameter_min 2.0"),
        ({"explore": {"quench_every": 11}}, "quench_every 11 is above steps 10"),
        (
            {"loop": {"initial_transition_share": 0.8, "initial_close_share": 0.3}},
            "initial_transition_share + initial_close_share is 1.1",
        ),
        ({"loop": {"unit_system": "iron"}}, "loop.unit_system is 'iron', expected one of"),
        (
            {"units": {"Si-O2": {"sigma": 1, "mass": 1, "epsilon": 1}}},
            "'Si-O2': expected a lower-case identifier",
        ),
        ({"prepare": {"cooling_temperature": 0.08}}, "above the lowest preparation_temperature"),
        ({"run": {"name": "a b"}}, "run.name"),
    ],
)
def test_senseless_values(sections, message):
    with pytest.raises(ConfigError) as caught:
        parse(changed(**sections))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("explore", {"temperature": 0.5}, "the glass would melt"),
        ("explore", {"temperature": 1e-12}, "greater than or equal to 0.001"),
        ("prepare", {"blocks": 20, "cooling_temperature": 0.4}, "above the lowest"),
        ("prepare", {"blocks": 20, "cooling_time": float("inf")}, "finite number"),
        ("paths", {"noise": float("nan")}, "finite number"),
        ("loop", {"min_iterations": 5, "max_iterations": 4}, "above loop.max_iterations"),
    ],
)
def test_what_makes_no_physical_sense(section, values, message):
    with pytest.raises(ConfigError, match=message):
        parse(changed(**{section: values}))


def test_a_lattice_that_might_not_melt():
    content = changed(prepare={"melt_temperature": 0.15})
    content["glasses"] = [{"preparation_temperature": 0.2, "count": 1}]
    with pytest.raises(ConfigError, match="might not melt"):
        parse(content)


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text(yaml.safe_dump(MINIMAL) + "\nrun:\n  seed: 2\n")
    with pytest.raises(ConfigError, match=r"twice\.yaml.*'run' stands twice"):
        load(path)


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_content_that_is_no_mapping(content):
    with pytest.raises(ConfigError, match="expected a mapping of sections"):
        parse(content)


@pytest.mark.parametrize(
    ("name", "glasses", "trajectories", "steps", "every", "standard"),
    [
        ("T0.062", 200, 100, 40000, 20, 14202),
        ("T0.07", 50, 100, 100000, 10, 21109),
        ("T0.092", 5, 200, 10000, 5, 30920),
    ],
)
def test_paper_configs(name, glasses, trajectories, steps, every, standard):
    """Checklist 1 to 35: the numbers of IV.A to IV.H and of Table I."""
    config = load(ROOT / "config" / "paper" / f"{name}.yaml")
    assert [(g.preparation_temperature, g.count) for g in config.glasses] == [
        (float(name[1:]), glasses)
    ]
    model = config.model
    assert (model.n_particles, model.density, model.diameters) == (1500, 1.0, "quantiles")
    assert (model.diameter_min, model.diameter_max, model.unit_mean) == (0.73, 1.62, False)
    prepare = config.prepare
    assert prepare.swaps_per_particle == 5.0
    assert prepare.md_steps * prepare.time_step == pytest.approx(0.1)
    assert prepare.cooling_temperature == 0.04
    explore = config.explore
    assert (explore.temperature, explore.time_step) == (0.04, 0.01)
    assert (explore.trajectories, explore.steps, explore.quench_every) == (
        trajectories, steps, every,
    )  # fmt: skip
    assert explore.quench_every * explore.time_step == pytest.approx(
        {"T0.062": 0.2, "T0.07": 0.1, "T0.092": 0.05}[name]
    )
    assert (config.paths.images, config.pairs.particles) == (40, 3)
    assert config.learn.splitting_target == "paper"
    loop = config.loop
    assert 1000 <= loop.initial_paths <= 10000
    assert (loop.paths_per_iteration, loop.stop_fraction) == (500, 0.01)
    assert (loop.acquisition, loop.unit_system) == ("lowest_splitting", "argon")
    assert (loop.standard_transitions, loop.standard_paths) == (4, standard)


@pytest.mark.parametrize("name", ["demo", "test"])
def test_small_configs(name):
    config = load(ROOT / "config" / f"{name}.yaml")
    assert config.run.name == name
    assert config.run.output == Path("results") / name
    assert len(config.glass_names) >= 2
    assert config.loop.max_iterations >= 2


def test_atoms_of_molecules_and_of_the_built_in_model_are_not_identical():
    from tlsfind.config import Model

    types = np.array([1, 1, 2])
    commands = "pair_style lj/cut 2.5"
    free = {"species": {"A": {"share": 1.0}}, "commands": commands}
    bound = {**free, "atom_style": "full", "data_file": "molecules.data"}
    assert Model().identical(types) is None
    assert Model(lammps=bound).identical(types) is None
    assert Model(lammps=free).identical(types) is types
