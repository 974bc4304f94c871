"""How the package's presets come to be: their recipes, what is measured of them, their cards."""
