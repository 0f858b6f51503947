"""Makes what is deployed: the Lambda zip and its template. `python -m infra.packaging`, or `make package`."""
