"""The AWS CLI for warm.py: the real one, whose modules and API models are read once for many runs."""

import sys

import awscli.clidriver

# After awscli, which has its own botocore.
import warm_models


def warm_up():
    warm_models.keep()
    driver = awscli.clidriver.create_clidriver()
    driver.session.get_data("cli")
    # The services that tests call.
    warm_models.read(driver.session, ("autoscaling", "cloudformation", "ec2", "eks", "iam", "sts"))


def main():
    sys.argv[0] = "aws"
    return awscli.clidriver.main()
