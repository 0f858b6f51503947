"""What is deployed. Before anything of it is loaded: what the build compiled of it ahead."""

from chalicelib import precompiled

precompiled.use()
