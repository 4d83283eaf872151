"""The interview of ``edge setup``: what is asked, in which order, and what becomes of the answers. Sans-I/O."""
