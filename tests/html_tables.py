"""What a result's table in a notebook says, read by Python's own parser."""

from html.parser import HTMLParser


class _Table(HTMLParser):
    def __init__(self):
        super().__init__()
        self.caption, self.rows, self.sides = "", [], []
        self._target = None

    def handle_starttag(self, tag, attributes):
        self._target = tag
        if tag == "tr":
            self.rows.append([])
            self.sides.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.sides[-1].append(dict(attributes)["style"].removeprefix("text-align:"))

    def handle_endtag(self, tag):
        self._target = None

    def handle_data(self, data):
        if self._target == "caption":
            self.caption += data
        elif self._target in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            raise AssertionError(f"text outside of the table's cells: {data}")


def read_table(result):
    """The table's caption, rows (the heads are the first) and sides: `left` or `right` for each cell."""
    table = _Table()
    table.feed(result._repr_html_())
    return table


def cells(result):
    """The table's rows as lists of texts; the heads are the first."""
    return read_table(result).rows
