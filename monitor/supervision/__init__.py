"""From a lead to its closure: the case (线索), its clocks, its conditions, and who may do what about it."""
