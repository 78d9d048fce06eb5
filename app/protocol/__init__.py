"""The REST models, shared by the server and the Python client. Imports nothing of ours."""
