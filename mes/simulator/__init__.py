"""A stochastic model of the demo line: a client of Halite that works through its public doors.

Everything it makes is simulated, belongs to a site flagged `simulated`, and has a declared truth
(`model.LineModel.truth`). Product code never imports this package, and this package never imports product
code: it knows the line's masters from `mes/demo/plant.json`, which the demo loader reads too.

Read `model` (the schedule), then `electrodes`, `dry_room` and `cells` (what happens at each step),
`physics` (how one step acts on the next), `faults` (what may go wrong) and `truth` (what really happened).
"""
