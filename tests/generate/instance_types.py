#!/usr/bin/env python3
"""Writes src/net/max_pods/instance_types.csv: what max pods are computed from, for every instance type known.

Two sources are put together, and a type is listed when either knows it:
- EC2's answer to DescribeInstanceTypes: a JSON file of `aws ec2 describe-instance-types`, or the copy of such
  answers that moto carries (moto/ec2/resources/instance_types.json.gz, a mapping from name to the same record);
- the tables of amazon-vpc-cni-k8s: pkg/vpc/vpc_ip_resource_limit.go, where types stand that EC2 no longer
  lists (or not in the regions asked), and misc/eni-max-pods.txt, which the result must agree with.

Where both know a type, EC2's answer counts, and a figure that differs stops the run: then a person looks.

    python3 tests/generate/instance_types.py --ec2 FILE --limits FILE --max-pods FILE > src/net/max_pods/instance_types.csv
"""

import argparse
import gzip
import json
import re
import sys
from pathlib import Path

HEADER = """\
# Per instance type, for max pods: made by tests/generate/instance_types.py from EC2's DescribeInstanceTypes and
# the tables of amazon-vpc-cni-k8s. enis: network interfaces on the default network card. nitro: hypervisor nitro,
# or bare metal. architectures: those with EKS AMIs. Empty: not known.
# instance_type,enis,ipv4_per_eni,vcpus,nitro,bare_metal,architectures
"""

LIMITS = re.compile(
    r'"(?P<name>[^"]+)":\s*\{\s*ENILimit:\s*(?P<enis>\d+),\s*IPv4Limit:\s*(?P<ipv4>\d+),.*?'
    r'HypervisorType:\s*"(?P<hypervisor>\w*)",\s*IsBareMetal:\s*(?P<metal>true|false)',
    re.DOTALL,
)


def from_ec2(path):
    raw = path.read_bytes()
    answer = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    for record in answer.get("InstanceTypes") or answer.values():
        network = record["NetworkInfo"]
        default = network.get("DefaultNetworkCardIndex", 0)
        card = next(card for card in network["NetworkCards"] if card["NetworkCardIndex"] == default)
        metal = bool(record.get("BareMetal"))
        architectures = record.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
        yield record["InstanceType"], {
            "enis": card["MaximumNetworkInterfaces"],
            "ipv4": network["Ipv4AddressesPerInterface"],
            "vcpus": record.get("VCpuInfo", {}).get("DefaultVCpus", ""),
            # Bare metal has no hypervisor; the CNI assigns prefixes to it as to Nitro.
            "nitro": record.get("Hypervisor") == "nitro" or metal,
            "metal": metal,
            "architectures": " ".join(sorted(set(architectures) & {"x86_64", "arm64"})),
        }


def from_cni(path):
    for match in LIMITS.finditer(path.read_text()):
        metal = match["metal"] == "true"
        yield match["name"], {
            "enis": int(match["enis"]),
            "ipv4": int(match["ipv4"]),
            "vcpus": "",
            "nitro": match["hypervisor"] == "nitro" or metal,
            "metal": metal,
            "architectures": "",
        }


def max_pods_table(path):
    lines = (line.split() for line in path.read_text().splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and not line[0].startswith("#")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ec2", type=Path, required=True)
    parser.add_argument("--limits", type=Path, required=True)
    parser.add_argument("--max-pods", type=Path, required=True)
    arguments = parser.parse_args()

    ec2 = dict(from_ec2(arguments.ec2))
    cni = dict(from_cni(arguments.limits))
    types = cni | ec2
    problems = [
        f"{name}: {key} is {ec2[name][key]} by EC2 and {cni[name][key]} by the CNI"
        for name in sorted(ec2.keys() & cni.keys())
        for key in ("enis", "ipv4", "nitro", "metal")
        if ec2[name][key] != cni[name][key]
    ]
    for name, pods in max_pods_table(arguments.max_pods).items():
        known = types.get(name)
        computed = known and known["enis"] * (known["ipv4"] - 1) + 2
        if computed != pods:
            problems.append(f"{name}: {computed} pods computed, {pods} in {arguments.max_pods.name}")
    if problems:
        sys.exit("\n".join(problems))

    print(HEADER, end="")
    for name, known in sorted(types.items()):
        flags = ",".join("yes" if known[key] else "no" for key in ("nitro", "metal"))
        print(f"{name},{known['enis']},{known['ipv4']},{known['vcpus']},{flags},{known['architectures']}")


if __name__ == "__main__":
    main()
