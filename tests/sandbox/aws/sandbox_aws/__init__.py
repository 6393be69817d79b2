"""The AWS side of the sandbox.

EC2 and IAM state lives in moto; EKS, Auto Scaling, CloudFormation, SSM parameters and service
quotas are played here. Every request takes one way: `wire` reads it, `gate` decides whether AWS
would let it in, a function registered in `registry` (or moto) answers it, `wire` writes the answer.
"""
