"""What every part may use: ids, clock, errors, backoff, texts, paths of the tool chain. No I/O."""
