"""What can be done with leads: one module for taking them in, one for working on them."""
