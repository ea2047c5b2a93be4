"""The addresses of TensorBoard's views, spelled as its dashboards read them.

A view's address is relative, `?tagFilter=…#timeseries`: in a page of the Text dashboard it leads there wherever
TensorBoard runs, behind a proxy or in a notebook too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

HOST, PORT = "localhost", 6006

# By the names in TensorBoard's head: in the address, and by which parameters it selects runs and tags, and smooths.
_DASHBOARDS = {
    "Time Series": ("timeseries", "runFilter", "tagFilter", "smoothing"),
    "Scalars": ("scalars", "regexInput", "tagFilter", "_smoothingWeight"),
    "Custom Scalars": ("custom_scalars", "regexInput", None, "_smoothingWeight"),
    "Images": ("images", "regexInput", "tagFilter", None),
    "Graphs": ("graphs", None, None, None),
    "Histograms": ("histograms", "regexInput", "tagFilter", None),
    "Text": ("text", "regexInput", "tagFilter", None),
    "HParams": ("hparams", None, None, None),
    "Mesh": ("mesh", "regexInput", None, None),
}


def view(dashboard: str, tags: Sequence[str] = (), runs: str | None = None) -> str:
    """The relative address of a dashboard that shows these tags of these runs, lines as they are logged.

    What a dashboard does not read from its address is left out: it shows all of it.

    Args:
      dashboard: its name as TensorBoard writes it: `Time Series`.
      tags: names; all are shown where none is given.
      runs: regular expression of the runs to select, which may match a part of a name; None selects all.
    """
    name, for_runs, for_tags, for_smoothing = _DASHBOARDS[dashboard]
    asked = {for_runs: runs, for_tags: exactly(*tags) if tags else None, for_smoothing: "0"}
    # TensorBoard's pages read %20 as a blank, but not +.
    pairs = [f"{key}={quote(text)}" for key, text in asked.items() if key and text is not None]
    # Time Series reads the query, the older dashboards what follows their name.
    if name == "timeseries":
        return f"?{'&'.join(pairs)}#{name}"
    return "#" + "&".join([name, *pairs])


def exactly(*names: str) -> str:
    """A regular expression, as browsers read it, of these names and no others."""
    escaped = [re.sub(r"[\\^$.|?*+()\[\]{}]", r"\\\g<0>", name) for name in names]
    return f"^{escaped[0]}$" if len(escaped) == 1 else f"^({'|'.join(escaped)})$"


def address(path: str = "", host: str = HOST, port: int = PORT) -> str:
    """The whole address of a view, where TensorBoard runs at this host and port."""
    return f"http://{host}:{port}/{path}"
