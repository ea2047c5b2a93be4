"""The addresses of TensorBoard's views; what its dashboards make of them is for the browser's tests."""

import re
import urllib.parse

import pytest

from tbgrad.runs.addresses import address, exactly, view

ODD = ("a b|c/d^$", "∂f/∂x", "x.[0]{1}(2)+3*?\\")


@pytest.mark.parametrize("place", [{}, {"host": "h", "port": 7}])
def test_the_whole_address(place):
    found = urllib.parse.urlsplit(address(view("Time Series", ("a",)), **place))
    assert (found.scheme, found.hostname, found.path) == ("http", place.get("host", "localhost"), "/")
    assert (found.port, found.fragment) == (place.get("port", 6006), "timeseries")


@pytest.mark.parametrize("tags", [(), ODD[:1], ODD])
@pytest.mark.parametrize("runs", [None, "", "^a/b$|∂ c"])
def test_time_series_reads_its_query(tags, runs):
    found = urllib.parse.urlsplit(view("Time Series", tags, runs))
    expected = {"smoothing": "0"} | ({"runFilter": runs} if runs is not None else {})
    expected |= {"tagFilter": exactly(*tags)} if tags else {}
    # TensorBoard's page decodes %20 as a blank, but not +.
    assert dict(urllib.parse.parse_qsl(found.query, keep_blank_values=True)) == expected and "+" not in found.query


def test_the_older_dashboards_read_what_follows_their_name():
    assert view("Images", ("a/b",), "r$") == "#images&regexInput=r%24&tagFilter=%5Ea/b%24"
    assert view("Custom Scalars", ("a/b",)) == "#custom_scalars&_smoothingWeight=0"
    assert view("Mesh", ("a/b",), "r") == "#mesh&regexInput=r"
    assert view("HParams", ("a/b",), "r") == "#hparams"


@pytest.mark.parametrize("name", ODD)
def test_exactly_matches_the_names_and_no_others(name):
    for pattern in (exactly(name), exactly("other", name)):
        assert re.search(pattern, name)
        assert not re.search(pattern, name + "x") and not re.search(pattern, "x" + name)
    assert re.search(exactly(*ODD), ODD[1]) and not re.search(exactly(*ODD), "a b")
