"""Images: nested levels of additive 2D splats (P-GSVC, arXiv 2603.10551, and beyond)."""
