"""Takes the README's pictures from the tour's runs.

Run: tbgrad tour && python docs/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import click

import tbgrad

PICTURES = {
    "surface.png": ("ripple/surface/x-y", "surface/contour"),
    "descent.gif": ("rosenbrock/descent/sgd_lr0.001_momentum0.9", "descent/animation"),
    "tangent.png": ("fading_wave/sweep/x_points100_tangent4.1", "sweep/curve"),
}


@click.command()
@click.option("--tour", default="logs/tour", type=click.Path(path_type=Path, exists=True), show_default=True)
def main(tour: Path) -> None:
    """Write the pictures beside this file."""
    for name, (run, tag) in PICTURES.items():
        image = tbgrad.read_run(tour / run).images[tag].image[-1]
        (Path(__file__).parent / name).write_bytes(image)
        click.echo(f"docs/{name}: {tag} of {run}, {len(image):,} bytes")


if __name__ == "__main__":
    main()
