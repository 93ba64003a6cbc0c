"""How Halite runs on one machine: embedded PostgreSQL and broker, and the processes around them."""
