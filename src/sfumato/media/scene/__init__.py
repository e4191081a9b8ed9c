"""The scene medium: existing 3D splats as one progressive file."""
