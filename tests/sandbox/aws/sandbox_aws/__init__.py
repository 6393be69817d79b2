"""The AWS side of the sandbox.

EC2 and IAM state is kept by moto; EKS, Auto Scaling, CloudFormation, SSM parameters and service quotas are emulated
here. Every request takes the same path: `wire` reads it, `gate` decides whether AWS would accept it, a function
registered in `registry` (or moto) handles it, and `wire` writes the response.
"""
