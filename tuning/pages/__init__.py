"""Pages that need no network to open: their folder, their style, their pictures, their tables."""
