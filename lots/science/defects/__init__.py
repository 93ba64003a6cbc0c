"""Which defect a cell probably has: signatures as data, evidence for and against, and what would tell two apart."""
