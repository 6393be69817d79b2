"""The AWS CLI for warm.py: the real one, whose modules and API models are read once for many runs."""

import functools
import sys

import awscli.clidriver

# After awscli, which has its own.
from botocore.loaders import JSONFileLoader

# The services that tests call.
_SERVICES = ("autoscaling", "cloudformation", "ec2", "eks", "iam", "sts")


def warm_up():
    # A run reads each file once, so none sees what it changed itself.
    read = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    JSONFileLoader.load_file = lambda self, path: read(path)
    driver = awscli.clidriver.create_clidriver()
    driver.session.get_data("cli")
    for service in _SERVICES:
        driver.session.create_client(service, "us-west-2", aws_access_key_id="none", aws_secret_access_key="none")
        driver.session.get_paginator_model(service)


def main():
    sys.argv[0] = "aws"
    return awscli.clidriver.main()
