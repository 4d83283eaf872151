"""Pure nouns of a charging site: frozen values, no I/O, no time of their own."""
