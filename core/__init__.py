"""What every part may use: ids, clock, errors, paths of the tool chain. No I/O."""
