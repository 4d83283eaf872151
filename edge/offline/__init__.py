"""Rules for the time in which a station's cloud is away. Sans-I/O: they hand out writes, and never touch a disk."""
