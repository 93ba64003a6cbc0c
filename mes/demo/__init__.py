"""The demo line: one simulated site with everything it needs to make SIB-20 cells.

`load.load_demo` does it all and may be repeated; the numbers are in the JSON and CSV files beside it.
"""
