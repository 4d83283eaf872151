"""What the machine around the program offers: the service manager, its folders."""
