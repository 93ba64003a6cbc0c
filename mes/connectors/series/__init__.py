"""Raw records of the line: mass–time curves, thickness maps, chamber pressures."""
