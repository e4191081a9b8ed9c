"""What goes out: one writer per format."""
