"""Files of battery cyclers: one reader a family behind one interface, chosen by what the file holds."""
