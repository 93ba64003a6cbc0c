"""Speed of Halite, as ratios against a baseline of the same run: `python -m benchmarks`. See docs/benchmarks.md."""
