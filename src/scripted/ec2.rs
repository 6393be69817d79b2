//! EC2, from the facts about the VPC and the nodes.

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::facts::{CNI_INTERFACE, CidrBlock, Interface, Subnet};
use crate::net::firewall::{Peer, Rule};

use super::aws::Request;
use super::{Answer, World, pairs, refused};

impl World {
    pub(super) fn ec2(&mut self, request: &Request) -> Answer {
        match request.action.as_str() {
            "DescribeVpcs" => Ok(self.vpc()),
            "DescribeSubnets" => {
                Ok(json!({ "subnetSet": self.facts.vpc.subnets.iter().map(subnet).collect::<Value>() }))
            }
            "DescribeRouteTables" => Ok(self.route_tables()),
            "DescribeVpcPeeringConnections" => Ok(json!({})),
            "DescribeAvailabilityZones" => {
                Ok(json!({ "availabilityZoneInfo": [{ "zoneName": "a" }, { "zoneName": "b" }] }))
            }
            "DescribeSecurityGroups" => Ok(self.security_groups()),
            "DescribeNetworkAcls" => Ok(self.network_acls()),
            "DescribeInstances" => Ok(self.instances(request)),
            "DescribeNetworkInterfaces" => Ok(self.interfaces(request)),
            "DescribeInstanceTypes" => Ok(self.instance_types()),
            "DescribeImages" => {
                let image = json!({
                    "imageId": "ami-1", "name": "amazon-eks-node-al2023-x86_64-standard-1.34-v20251108",
                    "architecture": "x86_64", "rootDeviceName": "/dev/xvda", "imageOwnerAlias": "amazon",
                });
                Ok(json!({ "imagesSet": [image] }))
            }
            "DescribeInstanceAttribute" => Ok(
                json!({ "instanceId": request.get("InstanceId"), "userData": { "value": "IyEvYmluL3NoCg==" } }),
            ),
            "DescribeLaunchTemplateVersions" => {
                let data = json!({
                    "imageId": "ami-1", "instanceType": "m5.large", "iamInstanceProfile": { "name": "nodes" },
                });
                let version = json!({
                    "launchTemplateId": request.get("LaunchTemplateId"), "versionNumber": 1,
                    "launchTemplateData": data,
                });
                Ok(json!({ "launchTemplateVersionSet": [version] }))
            }
            "AssociateVpcCidrBlock" => self.associate_block(request.get("CidrBlock").parse().unwrap()),
            "DisassociateVpcCidrBlock" => self.disassociate_block(request.get("AssociationId")),
            "CreateSubnet" => self.create_subnet(request),
            "DeleteSubnet" => self.delete_subnet(request.get("SubnetId")),
            "AssociateRouteTable" => {
                let table = request.get("RouteTableId");
                let table = self.facts.vpc.route_tables.iter_mut().find(|each| each.id == table).unwrap();
                table.subnet_ids.insert(request.get("SubnetId").into());
                Ok(json!({ "associationId": "rtbassoc-1" }))
            }
            other => Err(self.unexpected(other)),
        }
    }

    fn vpc(&self) -> Value {
        let vpc = &self.facts.vpc;
        let block = |block: &CidrBlock| {
            json!({
                "associationId": block.association_id, "cidrBlock": block.cidr.to_string(),
                "cidrBlockState": { "state": block.state },
            })
        };
        let vpc = json!({
            "vpcId": vpc.id, "ownerId": vpc.owner, "cidrBlock": vpc.primary.to_string(),
            "cidrBlockAssociationSet": vpc.blocks.iter().map(block).collect::<Value>(),
        });
        json!({ "vpcSet": [vpc] })
    }

    fn route_tables(&self) -> Value {
        let tables = self.facts.vpc.route_tables.iter().map(|table| {
            let routes = table.routes.iter().map(|route| {
                json!({ "destinationCidrBlock": route.destination.to_string(), "natGatewayId": route.target })
            });
            let subnets = table.subnet_ids.iter().map(|id| json!({ "subnetId": id, "main": false }));
            json!({
                "routeTableId": table.id, "routeSet": routes.collect::<Value>(),
                "associationSet": subnets.collect::<Value>(),
            })
        });
        json!({ "routeTableSet": tables.collect::<Value>() })
    }

    fn security_groups(&self) -> Value {
        let rules = |rules: &[Rule]| -> Value {
            let rule = |rule: &Rule| match &rule.peer {
                Peer::Group(id) => json!({ "ipProtocol": "-1", "groups": [{ "groupId": id }] }),
                Peer::Cidr(cidr) => {
                    json!({ "ipProtocol": "-1", "ipRanges": [{ "cidrIp": cidr.to_string() }] })
                }
                Peer::PrefixList(id) => {
                    json!({ "ipProtocol": "-1", "prefixListIds": [{ "prefixListId": id }] })
                }
            };
            rules.iter().map(rule).collect()
        };
        let groups = self.facts.firewall.groups.values().map(|group| {
            json!({
                "groupId": group.id, "ipPermissions": rules(&group.ingress), "ipPermissionsEgress": rules(&group.egress),
                "tagSet": pairs(&group.tags, "key", "value"),
            })
        });
        json!({ "securityGroupInfo": groups.collect::<Value>() })
    }

    /// One ACL that allows everything, for all subnets.
    fn network_acls(&self) -> Value {
        let entry = |egress: bool| {
            json!({
                "ruleNumber": 100, "protocol": "-1", "ruleAction": "allow", "egress": egress, "cidrBlock": "0.0.0.0/0",
            })
        };
        let subnets = self.facts.vpc.subnets.iter().map(|subnet| json!({ "subnetId": subnet.id }));
        let acl = json!({
            "networkAclId": "acl-1", "default": true, "entrySet": [entry(true), entry(false)],
            "associationSet": subnets.collect::<Value>(),
        });
        json!({ "networkAclSet": [acl] })
    }

    fn instances(&self, request: &Request) -> Value {
        let asked = request.list("Filter.1.Value");
        let nodes = self.facts.nodes.iter();
        let nodes = nodes.filter(|node| node.instance_id.as_ref().is_some_and(|id| asked.contains(id)));
        let instances = nodes.map(|node| {
            let groups = node.security_groups.iter().map(|id| json!({ "groupId": id }));
            let group = node.group.iter().map(|name| json!({ "key": "aws:autoscaling:groupName", "value": name }));
            json!({
                "instanceId": node.instance_id, "subnetId": node.subnet, "instanceState": { "name": "running" },
                "groupSet": groups.collect::<Value>(), "imageId": "ami-1", "instanceType": node.instance_type,
                "tagSet": group.collect::<Value>(),
            })
        });
        json!({ "reservationSet": [{ "instancesSet": instances.collect::<Value>() }] })
    }

    /// The interfaces for pods; nothing else is in the subnets.
    fn interfaces(&self, request: &Request) -> Value {
        let values = request.list("Filter.1.Value");
        let matches = |interface: &&Interface| match request.get("Filter.1.Name") {
            "subnet-id" => values.contains(&interface.subnet),
            "group-id" => interface.security_groups.iter().any(|group| values.contains(group)),
            _ => true,
        };
        let all = self.facts.nodes.iter().flat_map(|node| &node.interfaces).filter(matches);
        let interfaces = all.map(|interface| {
            let groups = interface.security_groups.iter().map(|id| json!({ "groupId": id }));
            let addresses = (0..=interface.addresses).map(|_| json!({ "privateIpAddress": "100.64.0.1" }));
            json!({
                "networkInterfaceId": interface.id, "subnetId": interface.subnet, "status": "in-use",
                "description": format!("{CNI_INTERFACE}{}", interface.instance), "interfaceType": "interface",
                "attachment": { "instanceId": interface.instance }, "groupSet": groups.collect::<Value>(),
                "privateIpAddressesSet": addresses.collect::<Value>(),
                "tagSet": [{ "key": "cluster.k8s.amazonaws.com/name", "value": interface.cluster }],
            })
        });
        json!({ "networkInterfaceSet": interfaces.collect::<Value>() })
    }

    fn instance_types(&self) -> Value {
        let types = self.facts.machine.types.values().map(|kind| {
            json!({
                "instanceType": kind.name, "bareMetal": kind.bare_metal, "hypervisor": "nitro",
                "processorInfo": { "supportedArchitectures": ["x86_64"] },
                "vCpuInfo": { "defaultVCpus": kind.vcpus },
                "networkInfo": {
                    "maximumNetworkInterfaces": kind.enis, "ipv4AddressesPerInterface": kind.ipv4_per_eni,
                },
            })
        });
        json!({ "instanceTypeSet": types.collect::<Value>() })
    }

    fn associate_block(&mut self, cidr: Ipv4Net) -> Answer {
        let blocks = &mut self.facts.vpc.blocks;
        if blocks.iter().any(|block| block.cidr == cidr) {
            return Err(refused("CidrConflict", "the block is associated"));
        }
        let association_id = format!("vpc-cidr-assoc-{}", blocks.len());
        blocks.push(CidrBlock { association_id, cidr, state: "associated".into() });
        Ok(json!({}))
    }

    fn disassociate_block(&mut self, id: &str) -> Answer {
        let vpc = &mut self.facts.vpc;
        let block = vpc.blocks.iter().find(|block| block.association_id == id).unwrap().cidr;
        if vpc.subnets.iter().any(|subnet| block.contains(&subnet.cidr)) {
            return Err(self.unexpected(format!("DisassociateVpcCidrBlock {block}, which has subnets")));
        }
        vpc.blocks.retain(|block| block.association_id != id);
        Ok(json!({}))
    }

    fn create_subnet(&mut self, request: &Request) -> Answer {
        let cidr: Ipv4Net = request.get("CidrBlock").parse().unwrap();
        let vpc = &mut self.facts.vpc;
        if vpc.subnets.iter().any(|there| there.cidr == cidr) {
            return Err(refused("InvalidSubnet.Conflict", "the CIDR conflicts with another subnet"));
        }
        if !vpc.blocks.iter().any(|block| block.cidr.contains(&cidr)) {
            return Err(self.unexpected(format!("CreateSubnet {cidr} outside of the VPC")));
        }
        let zone = request.get("AvailabilityZoneId").trim_start_matches("id-");
        let subnet = Subnet {
            id: format!("pods-{zone}"),
            zone: zone.into(),
            zone_id: format!("id-{zone}"),
            cidr,
            state: "available".into(),
            free: 16000,
            tags: request.tags(),
            outpost: None,
        };
        vpc.subnets.push(subnet.clone());
        Ok(json!({ "subnet": self::subnet(&subnet) }))
    }

    fn delete_subnet(&mut self, id: &str) -> Answer {
        if self.facts.nodes.iter().flat_map(|node| &node.interfaces).any(|interface| interface.subnet == id) {
            return Err(self.unexpected(format!("DeleteSubnet {id}, which has network interfaces")));
        }
        let vpc = &mut self.facts.vpc;
        vpc.subnets.retain(|subnet| subnet.id != id);
        for table in &mut vpc.route_tables {
            table.subnet_ids.remove(id);
        }
        Ok(json!({}))
    }
}

fn subnet(subnet: &Subnet) -> Value {
    json!({
        "subnetId": subnet.id, "availabilityZone": subnet.zone, "availabilityZoneId": subnet.zone_id,
        "cidrBlock": subnet.cidr.to_string(), "state": subnet.state, "availableIpAddressCount": subnet.free,
        "tagSet": pairs(&subnet.tags, "key", "value"),
    })
}
