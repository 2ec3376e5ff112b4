"""What every part may use: ids, clock, errors, backoff, texts, tokens used, Node. No I/O."""
