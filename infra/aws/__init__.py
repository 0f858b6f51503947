"""What stands in AWS beside Chalice's own template: the YAML files here, and one row for each function."""
