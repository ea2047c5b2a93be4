"""What a check says, in a word, for the tests of checks."""

import tbgrad

AGREES, DISAGREES = "agrees", "disagrees"
KINK, UNDEFINED = "not differentiable here", "undefined here"


def verdicts(f, points, **settings):
    """The verdict of each point."""
    return [point.verdict.value for point in tbgrad.check_gradient(f, points, **settings).points]


def at(f, *coordinates, **settings):
    """What is said of one point."""
    (point,) = tbgrad.check_gradient(f, [list(coordinates)], **settings).points
    return point
