"""The avatar medium: splats bound to a forest of faces that moves with a mesh."""
