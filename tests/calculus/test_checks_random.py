"""Random formulas: no verdict differs from mpmath's, for right gradients and for wrong ones.

`benchmarks/checks.py` does it for a thousand.
"""

import pytest
from random_formulas import KINDS, expected, formulas

import tbgrad

MADE = formulas(60, seed=11)


def compared(kind):
    """(what mpmath says, what the check says) of every point, and those where they differ, with their formulas."""
    make, right_within = KINDS[kind]
    said, wrong = [], []
    for number, (tree, text, points) in enumerate(MADE):
        check = tbgrad.check_gradient(make(tree, text, number), points)
        for point in check.points:
            wanted = expected(tree, point.position, point.reverse, right_within)
            found = point.verdict.value
            if wanted is not None:
                said.append(wanted)
                if wanted != found:
                    wrong.append((text, point.position.tolist(), wanted, found, point.cause))
    return said, wrong


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("as it is", {"agrees": 200, "undefined here": 50, "not differentiable here": 4}),
        ("sign flipped", {"disagrees": 180}),
        ("term dropped", {"disagrees": 130, "agrees": 50}),
    ],
)
def test_no_wrong_verdict(kind, least):
    said, wrong = compared(kind)
    assert wrong == []
    # The test says something only if each verdict is there.
    assert all(said.count(verdict) >= count for verdict, count in least.items()), {v: said.count(v) for v in set(said)}
