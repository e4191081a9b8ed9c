"""What comes in: one reader per format."""
