"""What is deployed. Before anything of it is loaded: what the build made of it ahead."""

from chalicelib import ahead

ahead.use()
