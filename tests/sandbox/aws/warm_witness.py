"""The witness's scripts for warm.py: their libraries and API models are read once for many runs. The first argument is the
script's path.
"""

import runpy
import sys

import botocore.session
import warm_models
import yaml  # noqa: F401


def warm_up():
    warm_models.keep()
    session = botocore.session.get_session()
    warm_models.read(session, ("autoscaling", "cloudformation", "ec2", "eks", "iam"))


def main():
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
