"""Reads botocore's API models once for many runs of warm.py."""

import functools

from botocore.loaders import JSONFileLoader


def keep():
    # A run reads each file once, so none sees what it changed itself.
    read = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    JSONFileLoader.load_file = lambda self, path: read(path)


def read(session, services):
    for service in services:
        session.create_client(service, "us-west-2", aws_access_key_id="none", aws_secret_access_key="none")
        session.get_paginator_model(service)
