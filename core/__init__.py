"""What every part may use: ids, clock, errors, backoff, texts, tokens used, paths of the tool chain. No I/O."""
