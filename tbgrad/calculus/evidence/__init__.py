"""What speaks for and against a gradient: the values around a point, their rounding, and the verdict on both.

In the order of reading: ladders, rounding, differences, kinks, reverse, judging, inquiries. `calculus.checks` is the
door.
"""
