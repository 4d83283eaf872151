"""Who may draw how much, and why: pure and deterministic, no I/O."""
