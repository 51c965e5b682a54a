"""Folds of rows and of glasses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind.errors import TrainingError
from tlsfind.learn import folding

seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 200), st.integers(2, 10), seeds)
@settings(deadline=None)
def test_folds_of_rows_are_equal_to_within_one(n, folds, seed):
    fold = folding.by_row(n, folds, np.random.default_rng(seed))
    sizes = np.bincount(fold, minlength=folds)
    assert len(fold) == n == sizes.sum()
    assert len(sizes) == folds
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=120), st.integers(2, 6), seeds)
@settings(deadline=None)
def test_every_class_is_spread_evenly_over_folds_of_rows(strata, folds, seed):
    strata = np.array(strata)
    fold = folding.by_row(len(strata), folds, np.random.default_rng(seed), strata)
    for value in np.unique(strata):
        sizes = np.bincount(fold[strata == value], minlength=folds)
        assert sizes.max() - sizes.min() <= 1
    sizes = np.bincount(fold, minlength=folds)
    assert sizes.max() - sizes.min() <= 1


glasses_of_rows = st.lists(st.integers(0, 12), min_size=2, max_size=150).filter(
    lambda codes: len(set(codes)) > 1
)


@given(glasses_of_rows, st.integers(2, 10), seeds, st.booleans(), st.data())
@settings(deadline=None)
def test_no_glass_is_in_two_folds_and_no_fold_is_empty(codes, folds, seed, stratified, data):
    glasses = np.array([f"glass-{code}" for code in codes])
    strata = None
    if stratified:
        values = st.lists(st.integers(0, 1), min_size=len(codes), max_size=len(codes))
        strata = np.array(data.draw(values))
    fold = folding.by_glass(glasses, folds, np.random.default_rng(seed), strata)
    assert fold.shape == glasses.shape
    for glass in np.unique(glasses):
        assert len(np.unique(fold[glasses == glass])) == 1
    number = min(folds, len(np.unique(glasses)))
    assert np.unique(fold).tolist() == list(range(number))


@given(glasses_of_rows, st.integers(2, 10), seeds)
@settings(deadline=None)
def test_folds_of_glasses_differ_by_no_more_than_the_largest_glass(codes, folds, seed):
    """What dealing out from the largest guarantees."""
    glasses = np.array(codes).astype(str)
    fold = folding.by_glass(glasses, folds, np.random.default_rng(seed))
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= np.unique(glasses, return_counts=True)[1].max()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=2, max_size=12),
    st.integers(2, 5),
    seeds,
)
@settings(deadline=None)
def test_the_rarest_class_is_spread_over_folds_of_glasses(content, folds, seed):
    """No fold is ahead of another by more than the richest glass, in rows of the rare class."""
    common, rare = (np.array(column) for column in zip(*content, strict=True))
    common = common + 1 + rare.sum()  # so that they are not the rarer class in all
    glasses = np.repeat(np.arange(len(content)), common + rare).astype(str)
    strata = np.concatenate([np.repeat([0, 1], [c, r]) for c, r in zip(common, rare, strict=True)])
    fold = folding.by_glass(glasses, folds, np.random.default_rng(seed), strata)
    if rare.sum():
        sizes = np.bincount(fold[strata == 1], minlength=fold.max() + 1)
        assert sizes.max() - sizes.min() <= rare.max()


def test_glasses_of_one_size_are_balanced_exactly():
    glasses = np.repeat([f"g{k}" for k in range(20)], 7)
    fold = folding.by_glass(glasses, 5, np.random.default_rng(0))
    assert np.bincount(fold).tolist() == [28] * 5


def test_few_double_wells_of_few_glasses_are_not_in_one_fold():
    """Three glasses of fifteen have double wells: three folds of three have them."""
    glasses = np.repeat([f"g{k}" for k in range(15)], 20)
    labels = np.isin(glasses, ["g3", "g4", "g9"]) & (np.arange(300) % 20 < 4)
    for seed in range(20):
        fold = folding.assign("glass", glasses, 3, seed, labels)
        assert [labels[fold == k].sum() for k in range(3)] == [4, 4, 4]


@pytest.mark.parametrize("split", ["row", "glass"])
def test_the_seed_decides(split):
    glasses = np.repeat([f"g{k}" for k in range(30)], 5)
    first, again, other = (folding.assign(split, glasses, 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_assign_does_what_its_split_says():
    glasses = np.repeat([f"g{k}" for k in range(4)], 25)
    strata = np.arange(100) % 3 == 0
    rng = np.random.default_rng
    row, glass = (folding.assign(split, glasses, 4, 9, strata) for split in ("row", "glass"))
    np.testing.assert_array_equal(row, folding.by_row(100, 4, rng(9), strata))
    np.testing.assert_array_equal(glass, folding.by_glass(glasses, 4, rng(9), strata))


def test_names_of_any_type_are_glasses():
    numbers = np.repeat([1, 2, 10], 5)
    first = folding.assign("glass", numbers, 2, 0)
    np.testing.assert_array_equal(first, folding.assign("glass", numbers.astype(str), 2, 0))
    np.testing.assert_array_equal(first, folding.assign("glass", numbers.astype(object), 2, 0))


def test_one_glass_cannot_be_split():
    message = "all 8 rows are of the glass A, expected at least two glasses for a split by glass"
    with pytest.raises(TrainingError, match=message):
        folding.assign("glass", np.full(8, "A"), 3, 0)
