"""Random formulas: no verdict differs from mpmath's, for right gradients and for wrong ones.

`benchmarks/checks.py` does it for a thousand.
"""

import pytest
from random_formulas import expected, flipped, formulas, with_a_term_dropped

import tbgrad

MADE = formulas(60, seed=11)


def compared(make, right_within):
    """(what mpmath says, what the check says) of every point, and those where they differ, with their formulas."""
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
    ("make", "right_within", "least"),
    [
        (lambda tree, text, number: text, 1e-6, {"agrees": 200, "undefined here": 50, "not differentiable here": 4}),
        (lambda tree, text, number: flipped(tree), 1e-9, {"disagrees": 180}),
        (lambda tree, text, number: with_a_term_dropped(tree, number), 1e-9, {"disagrees": 130, "agrees": 50}),
    ],
    ids=["as it is", "sign flipped", "term dropped"],
)
def test_no_wrong_verdict(make, right_within, least):
    said, wrong = compared(make, right_within)
    assert wrong == []
    # The test says something only if each verdict is there.
    assert all(said.count(verdict) >= count for verdict, count in least.items()), {v: said.count(v) for v in set(said)}
