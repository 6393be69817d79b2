"""Paging, filters, policies and signatures."""

from __future__ import annotations

import unittest
from datetime import datetime, timezone

from sandbox_aws import filters, paging, policies, sigv4
from sandbox_aws.addon_schema import parse
from sandbox_aws.errors import AwsError


class Paging(unittest.TestCase):
    def test_pages_have_every_item_exactly_once(self) -> None:
        items, found, params = list(range(20)), [], {"MaxResults": 1000}
        while True:
            rows, token = paging.page(params, items, ("q",))
            found += rows
            self.assertLessEqual(len(rows), paging.SMALL)
            if token is None:
                break
            params = {"NextToken": token}
        self.assertEqual(found, items)

    def test_a_token_is_valid_only_for_its_request(self) -> None:
        _, token = paging.page({}, list(range(20)), ("q",))
        for params in ({"NextToken": token}, {"NextToken": "nonsense"}):
            with self.assertRaises(AwsError):
                paging.page(params, list(range(20)), ("other",))


class Filters(unittest.TestCase):
    item = {"Id": "a", "Nested": [{"Key": "x"}], "Tags": [{"Key": "team", "Value": "blue*"}], "Main": True}

    def hit(self, name: str, *values: str) -> bool:
        return filters.matches(self.item, [{"Name": name, "Values": list(values)}], {"id": "Id", "n": "Nested.Key",
                                                                                      "main": "Main"})

    def test_values_are_alternatives_with_wildcards(self) -> None:
        self.assertTrue(self.hit("id", "b", "a"))
        self.assertTrue(self.hit("n", "?"))
        self.assertTrue(self.hit("main", "true"))
        self.assertTrue(self.hit("tag:team", "bl*"))
        self.assertTrue(self.hit("tag:team", r"blue\*"))
        self.assertFalse(self.hit("tag:team", r"bl\*"))
        self.assertFalse(self.hit("tag:other", "*"))
        self.assertTrue(self.hit("tag-key", "team"))

    def test_unknown_names_are_rejected(self) -> None:
        with self.assertRaises(AwsError):
            filters.check([{"Name": "nope", "Values": ["x"]}], {"id": "Id"})


class Policies(unittest.TestCase):
    def decide(self, statements: list[dict], action: str, resource: str = "*", **keys: list[str]) -> str:
        return policies.decide([{"Statement": statements}], action, [resource], keys)

    def test_deny_wins(self) -> None:
        allow, deny = ({"Effect": e, "Action": "ec2:*", "Resource": "*"} for e in ("Allow", "Deny"))
        self.assertEqual(self.decide([allow], "ec2:CreateSubnet"), "allowed")
        self.assertEqual(self.decide([allow, deny], "ec2:CreateSubnet"), "explicitDeny")
        self.assertEqual(self.decide([allow], "eks:DescribeCluster"), "implicitDeny")

    def test_resources_and_conditions(self) -> None:
        one = {"Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": "arn:*:subnet/*",
               "Condition": {"StringEquals": {"aws:RequestTag/team": "x"}, "ForAllValues:StringLike": {"aws:TagKeys": "t*"}}}
        keys = {"aws:RequestTag/team": ["x"], "aws:TagKeys": ["team"]}
        self.assertEqual(self.decide([one], "ec2:CreateTags", "arn:aws:subnet/1", **keys), "allowed")
        self.assertEqual(self.decide([one], "ec2:CreateTags", "arn:aws:vpc/1", **keys), "implicitDeny")
        self.assertEqual(self.decide([one], "ec2:CreateTags", "arn:aws:subnet/1"), "implicitDeny")


class Signatures(unittest.TestCase):
    def test_recomputed_signatures_match_botocore_s(self) -> None:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        body = b'{"a": 1}'
        request = AWSRequest("POST", "http://127.0.0.1:1/access/a%20b?x=1&y=%2F", {"X-Amz-Date": "", "Host": "127.0.0.1:1"},
                             body)
        del request.headers["X-Amz-Date"]
        SigV4Auth(Credentials("AKIAEXAMPLE", "secret"), "eks", "us-west-2").add_auth(request)
        headers = {k.lower(): v for k, v in request.headers.items()}
        signed = sigv4.read(headers, "")
        assert signed
        args = ("POST", "/access/a%20b", "x=1&y=%2F", headers)
        self.assertTrue(sigv4.valid(signed, "secret", *args, body))
        self.assertFalse(sigv4.valid(signed, "other", *args, body))
        self.assertFalse(sigv4.valid(signed, "secret", *args, b"{}"))
        self.assertLess(abs(sigv4.age(signed, datetime.now(timezone.utc)) or 999), 60)


class AddonValues(unittest.TestCase):
    def test_the_schema_rejects_unknown_values(self) -> None:
        self.assertEqual(parse('{"env": {"WARM_ENI_TARGET": "1"}}'), {"env": {"WARM_ENI_TARGET": "1"}})
        for wrong in ('{"env": {"WARM_ENI_TARGET": 1}}', '{"env": {"NO": "1"}}', '{"no": {}}', "[1]", "{"):
            with self.assertRaises(AwsError, msg=wrong):
                parse(wrong)


if __name__ == "__main__":
    unittest.main()
