"""What carrying out a step means, one file per kind. Each can be done twice, and can stop anywhere."""
