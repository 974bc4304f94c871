"""Models and versions on disk, loaded and unloaded while requests go on."""
