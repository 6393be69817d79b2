"""Templates and their functions."""

from __future__ import annotations

import unittest

from sandbox_aws.cfn import functions, lint, parameters, template
from sandbox_aws.errors import AwsError

BODY = """
Parameters:
  Name: { Type: String, Default: one, AllowedPattern: "[a-z]+" }
  Count: { Type: Number, Default: 3, MinValue: 1 }
  Zones: { Type: CommaDelimitedList, Default: "a, b" }
  Kind: { Type: String, Default: small, AllowedValues: [small, big] }
  Image: { Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /path }
Mappings:
  Sizes: { small: { Type: m5.large } }
Conditions:
  Big: !Equals [!Ref Kind, big]
  NotBig: !Not [!Condition Big]
  Both: !And [!Condition NotBig, !Or [!Condition Big, !Condition NotBig]]
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: { GroupDescription: !Sub "${Name} in ${AWS::Region} ${!Literal}" }
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Condition: NotBig
    Properties:
      GroupId: !GetAtt Group.GroupId
      IpProtocol: "-1"
      Description: !If [Big, large, !Ref "AWS::NoValue"]
      Lists: [!Join ["-", !Ref Zones], !Select [1, !Ref Zones], !Split [".", x.y], !FindInMap [Sizes, !Ref Kind, Type]]
      Data: !Base64 { "Fn::Sub": ["${Name}-${Own}", { Own: !Ref Count }] }
      Blocks: !Cidr [10.0.0.0/24, 2, 5]
"""


def scope(given: list[dict[str, str]] | None = None) -> functions.Scope:
    found = template.load(BODY)
    _, values = parameters.values(found, given or [], {}, {"/path": "ami-1"}.get)
    made = functions.Scope(found, values, {"AWS::Region": "us-west-2"})
    made.physical["Group"], made.attributes["Group"] = "sg-1", {"GroupId": "sg-1"}
    return made


class Functions(unittest.TestCase):
    def test_every_function(self) -> None:
        seen = scope()
        rule = seen.resolve(seen.template["Resources"]["Rule"]["Properties"])
        self.assertEqual(rule["GroupId"], "sg-1")
        self.assertNotIn("Description", rule)
        self.assertEqual(rule["Lists"], ["a-b", "b", ["x", "y"], "m5.large"])
        self.assertEqual(rule["Data"], "b25lLTM=")
        self.assertEqual(rule["Blocks"], ["10.0.0.0/27", "10.0.0.32/27"])
        self.assertTrue(seen.condition("Both"))
        self.assertEqual(seen.ref("Image"), "ami-1")
        group = seen.resolve(seen.template["Resources"]["Group"]["Properties"])
        self.assertEqual(group["GroupDescription"], "one in us-west-2 ${Literal}")

    def test_order_follows_references(self) -> None:
        self.assertEqual(template.order(template.load(BODY), ["Rule", "Group"]), ["Group", "Rule"])


class Refusals(unittest.TestCase):
    def refused(self, text: str, *given: tuple[str, str]) -> str:
        with self.assertRaises(AwsError) as caught:
            parameters.values(template.load(text), [{"ParameterKey": k, "ParameterValue": v} for k, v in given], {},
                              {"/path": "ami-1"}.get)
        self.assertEqual(caught.exception.code, "ValidationError")
        return caught.exception.message

    def test_parameters(self) -> None:
        self.assertIn("AllowedValues", self.refused(BODY, ("Kind", "huge")))
        self.assertIn("pattern", self.refused(BODY, ("Name", "X")))
        self.assertIn("number", self.refused(BODY, ("Count", "x")))
        self.assertIn("not less than", self.refused(BODY, ("Count", "0")))
        self.assertIn("do not exist", self.refused(BODY, ("Other", "1")))
        self.assertIn("must have values", self.refused("Parameters: {A: {Type: String}}\nResources: {B: {Type: T}}"))
        self.assertIn("parameter store", self.refused(BODY, ("Image", "/none")))

    def test_templates(self) -> None:
        self.assertIn("not well-formed", self.refused("a: [b"))
        self.assertIn("At least one Resources", self.refused("Resources: {}"))
        self.assertIn("Unresolved resource dependencies [Gone]",
                      self.refused("Resources: {A: {Type: T, Properties: {P: !Ref Gone}}}"))
        self.assertIn("Circular", self.refused("Resources: {A: {Type: T, Properties: {P: !Ref B}}, "
                                               "B: {Type: T, DependsOn: A}}"))

    def test_capabilities(self) -> None:
        plain = template.load("Resources: {R: {Type: AWS::IAM::Role}}")
        named = template.load("Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: x}}}")
        self.assertEqual(template.capabilities(plain), "CAPABILITY_IAM")
        self.assertEqual(template.capabilities(named), "CAPABILITY_NAMED_IAM")

    def test_clusters_of_the_same_shape_share_what_cfn_lint_says(self) -> None:
        def body(node: str, group: str) -> str:
            return f"a: [subnet-{node * 17}, sg-{group}]\nb: https://127.0.0.1:{node}443 {'QUJD' * 30 + node}\n"

        self.assertEqual(lint.common(body("1", "0" * 17)), lint.common(body("2", "a" * 17)))
        self.assertIn("sg-short", lint.common(body("1", "short")))


if __name__ == "__main__":
    unittest.main()
