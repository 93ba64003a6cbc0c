"""A stochastic model of the demo line: a client of Halite that works through its public doors.

Everything it makes is simulated, belongs to a site flagged `simulated`, and has a declared truth
(`model.LineModel.truth`), which is stored out of the application's reach (`store`). Product code never imports
this package. The model does not know the product: it reads the line's masters from `mes/demo/plant.json`, as the
demo loader does.

Read `model` (the schedule), then `electrodes`, `dry_room` and `cells` (what happens at each step),
`physics` (how one step acts on the next), `faults` (what may go wrong) and `truth` (what really happened).

`driver` hands the model's events to `gateway`, which sends what people and machines would send, through one of the
`doors`. `people` decide what no machine does; what had to leave the line is `waiting` until its gates let it go on
(`returns`). `live` is the story that `make run` tells.

`trial`, `evidence`, `score` and `scoreboard` judge Halite by the truth (`manage.py score_faults`).
They alone run the product in their own process, on a temporary database.
"""
