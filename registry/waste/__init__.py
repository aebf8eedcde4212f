"""Medical waste: what there is of it (`catalogue`), and who and what deals with it (`model`)."""
