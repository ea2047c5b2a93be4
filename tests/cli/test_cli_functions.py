"""`tbgrad functions`: what a user reads of the catalogue."""

import pytest

import tbgrad

CATALOGUE = tbgrad.catalogue()


def test_functions_lists_the_catalogue(typed, document):
    shown = typed("functions")
    assert (shown.exit_code, shown.stderr) == (0, "")
    first_words = [line.split()[0] for line in shown.stdout.splitlines() if line.strip()]
    names = [one["name"] for one in document("functions")["functions"]]
    assert names == list(CATALOGUE)
    assert set(names) <= set(first_words)


def test_the_list_stays_readable(typed):
    lines = {line.split()[0]: line for line in typed("functions").stdout.splitlines() if line.strip()}
    assert max(map(len, lines.values())) < 200
    assert lines["goldstein_price"].count("…") == 1
    assert lines["beale"].split("  ")[1:] != []
    assert "(3, 0.5)" in lines["beale"]
    assert lines["shubert"].endswith(" and 17 more")
    assert "x0, x1, ..." in lines["ackley"]
    assert "..." not in lines["beale"]
    assert lines["monkey_saddle"].endswith("none")


@pytest.mark.parametrize("name", CATALOGUE)
def test_functions_describes_one(typed, document, name):
    f = CATALOGUE[name]
    answer = document("functions", name)
    assert answer["name"] == name
    assert len(answer["variables"]) == answer["dimension"] == len(answer["domain"])
    assert len(answer["minima"]) == len(f.minima)
    shown = typed("functions", name).stdout
    assert all(answer[key] in shown for key in ("formula", "source", "kinks", "remark"))
    assert shown.count("\n  minimum ") == max(1, len(f.minima))


def test_minima_at_the_edge_and_at_kinks_are_told_apart(typed, document):
    (minimum,) = document("functions", "eggholder")["minima"]
    flags = {key: minimum[key] for key in ("on_boundary", "only_in_domain", "kink")}
    assert flags == {"on_boundary": True, "only_in_domain": True, "kink": False}
    shown = typed("functions", "eggholder").stdout
    assert "at (512, 404.2318051137578); on the boundary of the domain; lower values lie outside the domain\n" in shown
    assert (
        "-1.9132229549810362 at (-0.5471975511965976, -1.5471975511965976); lower"
        in typed("functions", "mccormick").stdout
    )
    (minimum,) = document("functions", "absolute_value")["minima"]
    assert (minimum["kink"], minimum["on_boundary"], minimum["only_in_domain"]) == (True, False, False)
    assert "minimum     0 at (0); at a kink\n" in typed("functions", "absolute_value").stdout
    assert "minimum     0 at (0, 0)\n" in typed("functions", "sphere").stdout


def test_the_number_of_variables_is_told(typed, document):
    assert "2 as shown, or a whole number from 1 to 10,000" in typed("functions", "ackley").stdout
    assert "4 as shown, or a multiple of 4 from 4 to 10,000" in typed("functions", "powell").stdout
    assert "dimensions" not in typed("functions", "beale").stdout
    assert document("functions", "trid")["dimensions"] == {"least": 2, "multiple": 1}
    assert document("functions", "beale")["dimensions"] is None


def test_a_ring_of_minima_is_told_as_a_curve(typed):
    assert "-1 at (3*pi/2*cos(t), 3*pi/2*sin(t)), 0 ≤ t < 2π\n" in typed("functions", "ripple").stdout
