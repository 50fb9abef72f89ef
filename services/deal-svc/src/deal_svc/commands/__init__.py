"""What can be done with deals."""
