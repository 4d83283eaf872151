"""The demo: the whole site in one process, the gateway beside it, and a view of what really flows."""
