"""Splits without leaks: what is tested shares no time, instance or depth with what was learned from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the cases to learn from and to test on, ascending; cases in neither were too close to the border."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]

    def __post_init__(self) -> None:
        if not len(self.train) or not len(self.test):
            sides = f"{len(self.train)} to learn from and {len(self.test)} to test on"
            raise InvalidValueError(f"a split needs cases on both sides, got {sides}.")


def split_by_time(times: ArrayLike, *, test_share: float = 0.25, gap: float = 0.0) -> Split:
    """Test on the latest cases and learn from earlier ones.

    Args:
        times: time of each case, in any unit; equal times stay together.
        test_share: share of cases to test on, at least.
        gap: cases closer than this before the first tested one are left out, in the unit of `times`.

    Raises:
        InvalidValueError: a side is empty.
    """
    when = np.asarray(times, np.float64)
    _check_share(test_share)
    border = np.sort(when)[-max(1, round(test_share * len(when)))]
    before = when <= border - gap if gap > 0 else when < border
    return Split(np.flatnonzero(before), np.flatnonzero(when >= border))


def split_by_group(groups: ArrayLike, *, test_share: float = 0.25, seed: int = 0) -> Split:
    """Test on whole groups (instances, molecules, devices, worlds) of which no case was learned from.

    Args:
        groups: the group of each case.
        test_share: share of groups to test on; at least one group.
        seed: which groups are drawn.

    Raises:
        InvalidValueError: a side is empty.
    """
    _check_share(test_share)
    names, owner = np.unique(np.asarray(groups), return_inverse=True)
    drawn = make_rng(seed, "split").permutation(len(names))[: max(1, round(test_share * len(names)))]
    tested = np.isin(owner, drawn)
    return Split(np.flatnonzero(~tested), np.flatnonzero(tested))


def split_by_depth(depths: ArrayLike, *, deepest_train: float) -> Split:
    """Learn from shallow circuits and test on deeper ones.

    Args:
        depths: depth, rounds or any size of each case.
        deepest_train: cases up to this depth are learned from, deeper ones are tested on.

    Raises:
        InvalidValueError: a side is empty.
    """
    depth = np.asarray(depths, np.float64)
    return Split(np.flatnonzero(depth <= deepest_train), np.flatnonzero(depth > deepest_train))


def assign_folds(groups: ArrayLike, num_folds: int, *, seed: int = 0) -> NDArray[np.intp]:
    """Return the fold of each case, whole groups together and as many groups in one fold as in another.

    Args:
        groups: the group of each case.
        num_folds: between 2 and the number of groups.
        seed: which groups go together.

    Raises:
        InvalidValueError: there are fewer groups than folds.
    """
    names, owner = np.unique(np.asarray(groups), return_inverse=True)
    if not 2 <= num_folds <= len(names):
        raise InvalidValueError(f"`num_folds` must lie between 2 and the {len(names)} groups, got {num_folds}.")
    return (make_rng(seed, "folds").permutation(len(names)) % num_folds)[owner]


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise InvalidValueError(f"`test_share` must lie between 0 and 1, got {share}.")
