"""From a stage graph to something that runs: bind, type-check, execute by batch and by row, replay parity rows."""
