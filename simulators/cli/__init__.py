"""The command line `edge-sim`, one module for each verb."""
