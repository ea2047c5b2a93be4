"""What is written in a figure."""


def above(figure):
    """The heading and the conditions in small print above the first axes, on one line."""
    axes = figure.axes[0]
    titles = [axes.get_title(side) for side in ("left", "center", "right")]
    small = [t.get_text() for t in axes.texts if "axes fraction" in getattr(t, "xycoords", "") and t.get_text()]
    return " ".join(" ".join([*filter(None, titles), *small]).split())
