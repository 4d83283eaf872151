"""The commissioning: what is proved of a site before it is controlled, and the paper of it. Sans-I/O."""
