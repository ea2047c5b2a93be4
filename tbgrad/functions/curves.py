"""Functions of one variable: curves to read a derivative off."""

from __future__ import annotations

from tbgrad.functions.function import Function, Minimum

DOUBLE_WELL = Function.of_formula(
    "(x**2 - 1)**2 + 0.3*x",
    name="double_well",
    domain=((-1.8, 1.8),),
    start=(1.7,),
    minima=(Minimum((-1.0355787140888537,), -0.30542848374391597),),
    source="Landau (1937), On the Theory of Phase Transitions: a quartic with a linear term",
    remark="Two valleys: from the right a descent stays in the higher one.",
)

QUARTIC = Function.of_formula(
    "x**4 - 3*x**3 + 2",
    name="quartic",
    domain=((-1.0, 3.2),),
    start=(3.0,),
    minima=(Minimum((2.25,), -6.54296875),),
    source="Wikipedia, Gradient Descent (2013): its example in one variable",
    remark="At x = 0 the slope is zero, but the curve only pauses there: no minimum and no maximum.",
)

GRAMACY_LEE = Function.of_formula(
    "sin(10*pi*x)/(2*x) + (x - 1)**4",
    name="gramacy_lee",
    domain=((0.5, 2.5),),
    start=(1.2,),
    minima=(Minimum((0.54856344452760518,), -0.86901113498949977, only_in_domain=True),),
    source="Gramacy & Lee (2012), Cases for the Nugget in Modeling Computer Experiments, Stat. Comput. 22",
    remark="Lower values lie between 0 and 0.5, outside the domain; undefined at x = 0.",
)

FORRESTER = Function.of_formula(
    "(6*x - 2)**2*sin(12*x - 4)",
    name="forrester",
    domain=((0.0, 1.0),),
    start=(0.5,),
    minima=(Minimum((0.75724875784185587,), -6.0207400557670828, only_in_domain=True),),
    source="Forrester, Sóbester & Keane (2008), Engineering Design via Surrogate Modelling, appendix A.1",
    remark="Beyond the domain the waves grow without bound.",
)

SINC = Function.of_formula(
    "sin(x)/x",
    name="sinc",
    domain=((-15.0, 15.0),),
    start=(1.0,),
    # The slope is zero where tan(x) = x.
    minima=(
        Minimum((4.4934094579090642,), -0.21723362821122166),
        Minimum((-4.4934094579090642,), -0.21723362821122166),
    ),
    source="Abramowitz & Stegun (1964), Handbook of Mathematical Functions, section 10.1: the spherical Bessel j0",
    remark="At x = 0 the limit is 1, but the formula is 0/0.",
)

GAUSSIAN = Function.of_formula(
    "x, mean=0, deviation=1 -> exp(-((x - mean)/deviation)**2/2)/(deviation*sqrt(2*pi))",
    name="gaussian",
    domain=((-4.0, 4.0),),
    start=(1.5,),
    source="Gauss (1809), Theoria Motus Corporum Coelestium, section 177",
    remark="It falls to both sides towards 0, which it never reaches: no minimum.",
)

LOGISTIC = Function.of_formula(
    "1/(1 + exp(-x))",
    name="logistic",
    domain=((-6.0, 6.0),),
    start=(1.0,),
    source="Verhulst (1845), Recherches Mathématiques sur la Loi d'Accroissement de la Population",
    remark="Its derivative is y·(1 - y). It falls towards 0, which it never reaches: no minimum.",
)

SOFTPLUS = Function.of_formula(
    "log(1 + exp(x))",
    name="softplus",
    domain=((-6.0, 6.0),),
    start=(2.0,),
    source="Dugas, Bengio, Bélisle, Nadeau & Garcia (2001), Incorporating Second-Order Functional Knowledge for Better "
    "Option Pricing",
    remark="Its derivative is the logistic curve. It falls towards 0, which it never reaches: no minimum.",
)

ABSOLUTE_VALUE = Function.of_formula(
    "abs(x)",
    name="absolute_value",
    domain=((-2.0, 2.0),),
    start=(1.3,),
    minima=(Minimum((0.0,), 0.0, kink=True),),
    source="Rockafellar (1970), Convex Analysis, section 23",
    kinks="Not differentiable at x = 0, where the slope jumps from -1 to 1.",
    remark="With a constant learning rate a descent ends hopping over the kink.",
)

RUNGE = Function.of_formula(
    "1/(1 + 25*x**2)",
    name="runge",
    domain=((-1.0, 1.0),),
    start=(0.3,),
    source="Runge (1901), Über empirische Funktionen und die Interpolation zwischen äquidistanten Ordinaten, Z. Math. "
    "Phys. 46",
    remark="It falls to both sides towards 0, which it never reaches: no minimum. The witch of Agnesi, scaled.",
)

MORSE = Function.of_formula(
    "r, depth=1, width=1, rest=1 -> depth*(1 - exp(-width*(r - rest)))**2",
    name="morse",
    domain=((0.0, 5.0),),
    start=(3.0,),
    minima=(Minimum(("rest",), 0.0, positive="depth*width**2"),),
    source="Morse (1929), Diatomic Molecules According to the Wave Mechanics II, Phys. Rev. 34",
    remark="The energy of two bound atoms at the distance r: steep inwards, flat outwards.",
)

LENNARD_JONES = Function.of_formula(
    "r, depth=1, size=1 -> 4*depth*((size/r)**12 - (size/r)**6)",
    name="lennard_jones",
    domain=((0.8, 3.0),),
    start=(1.5,),
    minima=(Minimum(("2**(1/6)*size",), "-depth", positive="depth*size**2"),),
    source="Lennard-Jones (1931), Cohesion, Proc. Phys. Soc. 43",
    remark="The energy of two atoms at the distance r; undefined at r = 0.",
)

FUNCTIONS = (
    DOUBLE_WELL,
    QUARTIC,
    GRAMACY_LEE,
    FORRESTER,
    SINC,
    GAUSSIAN,
    LOGISTIC,
    SOFTPLUS,
    ABSOLUTE_VALUE,
    RUNGE,
    MORSE,
    LENNARD_JONES,
)
