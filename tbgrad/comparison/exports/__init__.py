"""Scalars into files of other forms."""
