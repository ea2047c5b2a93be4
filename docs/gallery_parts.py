"""What docs/gallery.md shows: commands, the pictures that they log, and how to read these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """One picture: the tag under which a command logs it, and how to read it.

    Attributes:
      tag: an image; empty where the command shows something that is no picture.
      words: what it shows and how to read it.
      name: of the file, without its ending; by default the tag's.
      run: which run of a script's has it; by default it is that of a command, which prints it last.
    """

    tag: str
    words: str
    name: str = ""
    run: str = ""

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.name or self.tag.replace("/", "_")


@dataclass(frozen=True)
class Part:
    """A command, or a script, and the pictures that it logs; before it, commands that make what it needs."""

    title: str
    command: str
    shown: tuple[Shown, ...]
    before: tuple[str, ...] = ()


_TRIED = tuple(
    f"tbgrad descend {function} --starts 20 --optimizer {optimizer} --steps 500"
    for function in ("rosenbrock", "himmelblau", "beale", "booth", "matyas")
    for optimizer in ("adam", "rmsprop", "sgd")
)

# The same words for whatever has a slider, which a page shows as a moving picture.
SLIDER = "In TensorBoard a slider goes through its steps; here they follow each other."

GALLERY = (
    Part(
        "A curve and its derivative",
        "tbgrad sweep fading_wave --points 100 --tangent 4.1",
        (
            Shown(
                "sweep/curve",
                "The function (solid), its derivative (dashed) and a tangent with its slope (red). Triangles mark "
                "minima and maxima: there the derivative crosses zero. A cross marks where the function is undefined.",
            ),
            Shown(
                "sweep/tangent",
                f"The tangent moves along the curve; its slope is the height of the derivative there. {SLIDER}",
            ),
            Shown(
                "sweep/secant",
                "The line through two points of the curve becomes the tangent as they come together: this is what a "
                f"derivative is. {SLIDER}",
            ),
        ),
    ),
    Part(
        "A surface and its gradient",
        "tbgrad surface ripple",
        (
            Shown(
                "surface/contour",
                "Flat contours. Arrows are the gradient: they point uphill at right angles to the contours, and "
                "are longer where it is steeper. Known minima are golden: here a ring of them.",
            ),
            Shown(
                "surface/gradient_norm",
                "How steep it is: the length of the gradient. Dark is flat; there are its minima, maxima and saddles.",
            ),
            Shown(
                "surface/gradient/x",
                "The partial derivative by x: red where the function rises with x, blue where it falls, zero on the "
                "thick line. Dashed: where the other one is zero; where both cross, the function is stationary.",
            ),
            Shown("surface/contour3d", "The same contours, each at its height.", ""),
            Shown(
                "surface/relief/30_-60",
                "The surface seen from 30° above, 60° to the side. `--view` chooses others.",
                "surface_relief",
            ),
        ),
    ),
    Part(
        "Tangent planes and streamlines",
        "tbgrad surface ripple --tangent 2,1 --view 45,20 --streamlines",
        (
            Shown(
                "surface/relief/45_20",
                "The plane that touches the surface at (2, 1), with its value and its slopes. What is hidden of it is "
                "dashed.",
                "surface_relief_tangent",
            ),
            Shown(
                "surface/contour",
                "The gradient as lines that go steepest uphill, and the gradient where the plane touches.",
                "surface_contour_streamlines",
            ),
        ),
    ),
    Part(
        "A surface to turn",
        "tbgrad surface himmelblau",
        (
            Shown(
                "",
                "The dashboard Mesh shows `surface/mesh`: the surface, to turn by dragging, over a base with lines at "
                "round numbers; gold: its minima.",
            ),
        ),
    ),
    Part(
        "A function with a hole",
        "tbgrad surface tilted_waves",
        (
            Shown(
                "surface/contour",
                "x/y goes to infinity on both sides of y = 0, where the function is undefined. Colours are spread so "
                "that the rest of it can be seen, and the picture says how.",
                "surface_contour_hole",
            ),
        ),
    ),
    Part(
        "A descent",
        "tbgrad descend rosenbrock --learning-rate 0.001 --option momentum=0.9",
        (
            Shown(
                "descent/path",
                "The way of the optimizer over the function, light at first and dark at last. Where the update does "
                "not go straight downhill, two arrows show both. " + SLIDER,
            ),
            Shown("descent/animation", "The same as a moving picture: the later, the more steps at once."),
            Shown("", "The dashboard Mesh shows `descent/mesh`: the path on the surface, to turn, with a slider."),
        ),
    ),
    Part(
        "A descent in ten variables",
        "tbgrad descend rosenbrock --dimensions 10 --optimizer adam --learning-rate 0.05",
        (
            Shown(
                "descent/path",
                "The path on the plane through its start and its end on which most of it lies; the picture says how "
                f"much. {SLIDER}",
                "descent_path_plane",
            ),
            Shown(
                "descent/line",
                "The function on the straight line from the start to the end, and the path's values beside it: is "
                "there a hill between?",
            ),
            Shown(
                "descent/partials",
                "All partial derivatives over the steps, a row for each variable: red is uphill with the variable, "
                "blue downhill, white is flat.",
            ),
        ),
    ),
    Part(
        "A race",
        "tbgrad race rosenbrock --racer sgd,0.00125 --racer sgd,0.001,momentum=0.9 --racer adam,0.05 --steps 2000",
        (
            Shown(
                "race/paths",
                "The ways of all racers over the function, from one start. " + SLIDER,
            ),
            Shown("race/animation", "The same as a moving picture, with the step and each racer's value."),
            Shown(
                "race/value",
                "The value of each racer over the steps, on a logarithmic axis above a known minimum. A mark says "
                "where a racer first reached the target.",
            ),
            Shown("", "Each racer has a run of its own: in Time Series the scalars of all lie over each other."),
        ),
    ),
    Part(
        "Which learning rate?",
        "tbgrad rates ellipse",
        (
            Shown(
                "rates/steps",
                "Steps to the target over the learning rate: small rates are slow, and beyond the edge of stability "
                "the descent diverges.",
            ),
        ),
    ),
    Part(
        "Which learning rate with which momentum?",
        "tbgrad rates ellipse --momentum",
        (
            Shown(
                "rates/steps",
                "The same for each momentum: dark is fast. The edge of stability moves outward with momentum.",
                "rates_steps_momentum",
            ),
        ),
    ),
    Part(
        "Who finds which minimum?",
        "tbgrad basins himmelblau",
        (
            Shown("basins/minimum", "Each pixel is a start; its colour says in which minimum its descent ends."),
            Shown("basins/steps", "How many updates it takes: the borders between basins are slow."),
        ),
    ),
    Part(
        "Which optimizer, and is it luck?",
        "tbgrad compare --group-by optimizer --log",
        (
            Shown(
                "compare/profile",
                "On which share of the problems each optimizer is the fastest (left), or at most so many times slower "
                "than the fastest. A line that ends lower leaves more problems unsolved.",
            ),
            Shown(
                "compare/bands",
                f"Of each optimizer the median over its runs and starts, in a band between the quartiles. {SLIDER}",
            ),
        ),
        _TRIED,
    ),
    Part(
        "Is a gradient right?",
        "tbgrad check rosenbrock",
        (
            Shown(
                "check/v_curve",
                "How far differences are off, over their step size. Too large a step bends (right), too small a step "
                "rounds (left). A right gradient makes a V; a wrong one has a floor.",
            ),
        ),
    ),
    Part(
        "Where a gradient comes from",
        "tbgrad graph 'cos(x)*sin(y) + x/y' --at 2,1",
        (
            Shown(
                "",
                "The dashboard Graphs shows TensorFlow's operations in the scopes `forward` and `gradient`, and in the "
                "run `..._by_hand` the formula's own nodes, with value and gradient on the card of each.",
            ),
        ),
    ),
    Part(
        "A network that learns, and one that does not",
        "python scripts/train_digits.py",
        (
            Shown(
                "training/layers",
                "Of a network whose weights begin too small: a row for each layer, the output at the top, and a column "
                "for each step; the brighter, the larger the gradient. It fades towards the input, so that the lower "
                "layers do not learn, and the loss below stays where it is. The triangle says in which layers the "
                "gradient vanishes, and since when.",
                run="sick",
            ),
            Shown(
                "training/layers",
                "The same network with weights that keep the gradient's size: all layers are about equally bright, "
                "and the loss falls.",
                "training_layers_healthy",
                run="healthy",
            ),
            Shown(
                "surface/contour",
                "The loss around the way of the training that works, on the plane that holds most of it; the text "
                "above says how much, and on which data. The way is light at first and dark at last, and runs a little "
                "beside that plane: there its loss is another.",
                "surface_contour_training",
                run="landscape/along_the_way",
            ),
            Shown(
                "",
                "The dashboard Text shows `training/verdict`: what is wrong, where, since when, and what to do. "
                "Custom Scalars has all layers in one chart, and Mesh the landscape, to turn.",
            ),
        ),
    ),
)
