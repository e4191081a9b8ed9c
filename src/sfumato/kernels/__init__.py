"""Splats to pixels and back: the compiled kernels, and numpy where they are missing."""
