"""What must outlive a restart: SQLite files, one thread that writes them."""
