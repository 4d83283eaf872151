"""The schema of each file, as SQL: ``<file>-<version>.sql`` brings a file from the version before to this one."""
