"""AWS errors, with each service's own names for the common ones."""

from __future__ import annotations


class AwsError(Exception):
    """An error response. `fields` are further members of the error shape (JSON services)."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: object):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.fields = code, message, status, fields


# The error code of a service if the caller's policies do not allow the operation.
_DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "autoscaling": ("AccessDenied", 403),
    "cloudformation": ("AccessDenied", 403),
    "iam": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "eks": ("AccessDeniedException", 403),
    "ssm": ("AccessDeniedException", 400),
    "service-quotas": ("AccessDeniedException", 400),
}
# The error code for throttling.
_THROTTLED = {
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "autoscaling": ("Throttling", "Rate exceeded", 400),
    "cloudformation": ("Throttling", "Rate exceeded", 400),
    "iam": ("Throttling", "Rate exceeded", 400),
    "sts": ("Throttling", "Rate exceeded", 400),
    "eks": ("TooManyRequestsException", "Too Many Requests", 429),
    "ssm": ("ThrottlingException", "Rate exceeded", 400),
    "service-quotas": ("TooManyRequestsException", "Too Many Requests", 400),
}
_JSON = ("eks", "ssm", "service-quotas")


def denied(service: str, arn: str, action: str, resource: str = "*") -> AwsError:
    code, status = _DENIED.get(service, ("AccessDenied", 403))
    if service == "ec2":
        return AwsError(code, "You are not authorized to perform this operation. "
                              f"User: {arn} is not authorized to perform: {action} on resource: {resource} "
                              "because no identity-based policy allows the action.", status)
    return AwsError(code, f"User: {arn} is not authorized to perform: {action} on resource: {resource} "
                          "because no identity-based policy allows the action", status)


def throttled(service: str) -> AwsError:
    return AwsError(*_THROTTLED.get(service, ("Throttling", "Rate exceeded", 400)))


def internal(service: str) -> AwsError:
    if service == "ec2":
        return AwsError("InternalError", "An internal error has occurred", 500)
    if service == "eks":
        return AwsError("ServerException", "An internal server error occurred", 500)
    return AwsError("InternalFailure", "An internal error occurred", 500)


def unknown_key(service: str) -> AwsError:
    if service == "ec2":
        return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if service in _JSON:
        return AwsError("UnrecognizedClientException", "The security token included in the request is invalid.",
                        403 if service == "eks" else 400)
    return AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def bad_signature(service: str) -> AwsError:
    text = ("The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
    if service == "ec2":
        return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if service in _JSON:
        return AwsError("InvalidSignatureException", text, 403 if service == "eks" else 400)
    return AwsError("SignatureDoesNotMatch", text, 403)


def missing_token(service: str) -> AwsError:
    if service in _JSON:
        return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


def unknown_operation(service: str, operation: str) -> AwsError:
    if service in _JSON:
        return AwsError("UnknownOperationException", f"{operation} is not supported by the sandbox", 404)
    return AwsError("InvalidAction", f"The action {operation} is not valid for this web service "
                                     "(or the sandbox does not emulate it).", 400)


def dry_run() -> AwsError:
    return AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def validation(service: str, message: str) -> AwsError:
    """A request that violates the service's API model."""
    if service == "ec2":
        return AwsError("InvalidParameterValue", message)
    if service == "eks":
        return AwsError("InvalidParameterException", message)
    if service in ("autoscaling", "cloudformation", "iam", "sts"):
        return AwsError("ValidationError", message)
    return AwsError("ValidationException", message)


def missing(service: str, member: str) -> AwsError:
    if service == "ec2":
        return AwsError("MissingParameter", f"The request must contain the parameter {member}")
    return validation(service, f"1 validation error detected: Value null at '{member}' failed to satisfy "
                               "constraint: Member must not be null")
