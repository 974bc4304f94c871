"""Pages that need no network to open: their folder, their frame, their style, their pictures, their tables."""
