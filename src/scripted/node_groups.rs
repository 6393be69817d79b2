//! Auto Scaling, CloudFormation and EKS, from the facts about node groups. A group starts and ends nodes at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::design::CUSTOM_NETWORK;
use crate::facts::{
    AccessEntry, AutoScalingGroup, GroupInstance, Interface, LAUNCH, ManagedNodeGroup, Node, Stack,
};
use crate::nodes::templates::base_rules;
use crate::sample;
use crate::tags::TAG_ENICONFIG;

use super::aws::Request;
use super::cluster::old_node;
use super::{Answer, World, pairs, refused};

const NODE_ROLE: &str = "arn:aws:iam::1:role/nodes";
const NODE_GROUP: &str = "sg-nodes";

impl World {
    pub(super) fn auto_scaling(&mut self, request: &Request) -> Answer {
        let name = request.get("AutoScalingGroupName").to_string();
        match request.action.as_str() {
            "DescribeAutoScalingGroups" => {
                let asked = request.list("AutoScalingGroupNames");
                let groups = self.facts.node_groups.groups.values();
                // All groups have the cluster's tag.
                let groups = groups.filter(|group| asked.is_empty() || asked.contains(&group.name));
                Ok(json!({ "AutoScalingGroups": groups.map(group).collect::<Value>() }))
            }
            "DescribeLifecycleHooks"
            | "DescribeScalingActivities"
            | "DescribeNotificationConfigurations"
            | "DescribePolicies"
            | "DescribeScheduledActions" => Ok(json!({})),
            "SuspendProcesses" => {
                self.group(&name)?.suspended.extend(request.list("ScalingProcesses"));
                Ok(json!({}))
            }
            "ResumeProcesses" => {
                let resumed = request.list("ScalingProcesses");
                self.group(&name)?.suspended.retain(|process| !resumed.contains(process));
                self.fill(&name);
                Ok(json!({}))
            }
            "UpdateAutoScalingGroup" => self.set_sizes(&name, request),
            "TerminateInstanceInAutoScalingGroup" => self.terminate(request.get("InstanceId")),
            other => Err(self.unexpected(other)),
        }
    }

    fn group(&mut self, name: &str) -> Result<&mut AutoScalingGroup, super::Refusal> {
        let missing = || refused("ValidationError", format!("AutoScalingGroup name not found - {name}"));
        self.facts.node_groups.groups.get_mut(name).ok_or_else(missing)
    }

    fn set_sizes(&mut self, name: &str, request: &Request) -> Answer {
        let group = self.group(name)?;
        group.min = request.number("MinSize").unwrap_or(group.min);
        group.max = request.number("MaxSize").unwrap_or(group.max);
        // Auto Scaling adjusts a desired capacity outside of the bounds.
        let desired = request.number("DesiredCapacity").unwrap_or(group.desired);
        group.desired = desired.clamp(group.min, group.max);
        if usize::try_from(group.desired).unwrap() < group.instances.len() {
            return Err(self.unexpected(format!("{name} would terminate instances with pods on them")));
        }
        self.fill(name);
        Ok(json!({}))
    }

    fn terminate(&mut self, instance: &str) -> Answer {
        let groups = &mut self.facts.node_groups.groups;
        let holds = |group: &&mut AutoScalingGroup| group.instances.iter().any(|one| one.id == instance);
        let Some(group) = groups.values_mut().find(holds) else {
            return Err(refused("ValidationError", "Instance Id not found"));
        };
        if group.desired == group.min {
            return Err(refused("ValidationError", "the desired capacity would be below the minimum"));
        }
        group.desired -= 1;
        group.instances.retain(|one| one.id != instance);
        let node =
            self.facts.nodes.iter().find(|node| node.instance_id.as_deref() == Some(instance)).cloned();
        let node = node.expect("each instance is a node").name;
        if self.facts.pods.iter().any(|pod| pod.node == node) {
            return Err(self.unexpected(format!("{instance} is terminated with pods on it")));
        }
        self.facts.nodes.retain(|each| each.name != node);
        Ok(json!({}))
    }

    /// Starts the nodes that a group lacks, in the zones that have the fewest.
    fn fill(&mut self, name: &str) {
        while let Some(group) = self.facts.node_groups.groups.get(name)
            && usize::try_from(group.desired).unwrap() > group.instances.len()
            && !group.suspended.contains(LAUNCH)
        {
            let in_zone = |zone: &&String| group.instances.iter().filter(|one| one.zone == **zone).count();
            let zone = group.zones.iter().min_by_key(in_zone).expect("a zone").clone();
            let is_ours = self.facts.node_groups.is_ours(group);
            let taken = |name: &String| self.facts.nodes.iter().any(|node| node.name == *name);
            let free =
                |prefix: &str| (1..).map(|at| format!("{prefix}-{at}")).find(|name| !taken(name)).unwrap();
            let mut node = match is_ours {
                true => self.new_node(&free(&format!("new-{zone}")), &zone),
                false => old_node(&free("old"), &zone),
            };
            node.group = Some(name.into());
            let instance =
                GroupInstance { id: node.instance_id.clone().unwrap(), ..sample::group_instance("", &zone) };
            self.facts.node_groups.groups.get_mut(name).unwrap().instances.push(instance);
            self.facts.nodes.push(node);
        }
    }

    /// A node of eni-custom's groups: its interface for pods is as its ENIConfig says when it starts.
    fn new_node(&mut self, name: &str, zone: &str) -> Node {
        let config = self.facts.eniconfigs.items.iter().find(|config| config.name == zone).cloned();
        let (Some(config), true) = (config, self.facts.cni.is_on(CUSTOM_NETWORK)) else {
            self.unexpected(format!("{name} starts without an ENIConfig or custom networking"));
            return old_node(name, zone);
        };
        let mut node = sample::custom_node(name, zone);
        node.security_groups = [NODE_GROUP.into()].into();
        let groups = config.security_groups.into_iter().collect();
        let as_written =
            |one: Interface| Interface { subnet: config.subnet.clone(), security_groups: groups, ..one };
        node.interfaces = node.interfaces.pop().map(as_written).into_iter().collect();
        node
    }

    pub(super) fn cloud_formation(&mut self, request: &Request) -> Answer {
        let name = request.get("StackName").to_string();
        let missing = || refused("ValidationError", format!("Stack with id {name} does not exist"));
        let there = self.facts.node_groups.stacks.get(&name);
        match (request.action.as_str(), there) {
            ("DescribeStacks", _) if name.is_empty() => {
                Ok(json!({ "Stacks": self.facts.node_groups.stacks.values().map(stack).collect::<Value>() }))
            }
            ("DescribeStacks", Some(there)) => Ok(json!({ "Stacks": [stack(there)] })),
            ("DescribeStacks" | "UpdateStack", None) => Err(missing()),
            ("ListStacks" | "DescribeStackEvents", _) => Ok(json!({})),
            ("CreateStack", Some(_)) => Err(refused("AlreadyExistsException", "the stack exists")),
            ("CreateStack", None) => {
                self.create_stack(&name, request);
                Ok(json!({ "StackId": name }))
            }
            ("UpdateStack", Some(_)) => {
                let stack = self.facts.node_groups.stacks.get_mut(&name).unwrap();
                for (key, value) in &mut stack.parameters {
                    *value = request.parameters.get(key).unwrap_or(value).clone();
                }
                stack.status = "UPDATE_COMPLETE".into();
                self.set_sizes(&name, request)
            }
            ("DeleteStack", Some(_)) => self.delete_stack(&name),
            (other, _) => Err(self.unexpected(other)),
        }
    }

    fn create_stack(&mut self, name: &str, request: &Request) {
        let tags = request.tags();
        let mut outputs = BTreeMap::new();
        if let Some(zone) = tags.get(TAG_ENICONFIG) {
            let of_stack = ("aws:cloudformation:stack-name".to_string(), name.to_string());
            let group = AutoScalingGroup {
                name: name.into(),
                max: request.number("MaxSize").unwrap_or_default(),
                tags: tags.clone().into_iter().chain([of_stack]).collect(),
                zones: [zone.clone()].into(),
                ..AutoScalingGroup::default()
            };
            self.facts.node_groups.groups.insert(name.into(), group);
        } else {
            let (group, rule) = base_rules(NODE_GROUP, "sg-cluster");
            let groups = &mut self.facts.firewall.groups;
            groups.get_mut("sg-cluster").unwrap().ingress.push(rule);
            groups.insert(NODE_GROUP.into(), group);
            let known = [
                ("NodeRoleArn", NODE_ROLE),
                ("NodeSecurityGroupId", NODE_GROUP),
                ("InstanceProfileArn", "arn"),
            ];
            outputs = known.map(|(key, value)| (key.to_string(), value.to_string())).into();
        }
        let named = request.parameters.iter().filter(|(key, _)| !key.contains('.'));
        let stack = Stack {
            name: name.into(),
            id: format!("arn:aws:cloudformation:us-west-2:1:stack/{name}/1"),
            status: "CREATE_COMPLETE".into(),
            reason: String::new(),
            updated: String::new(),
            parameters: named.map(|(key, value)| (key.clone(), value.clone())).collect(),
            outputs,
            tags,
        };
        self.facts.node_groups.stacks.insert(name.into(), stack);
    }

    fn delete_stack(&mut self, name: &str) -> Answer {
        let there = &mut self.facts.node_groups;
        let is_base = there.stacks[name].outputs.contains_key("NodeSecurityGroupId");
        let has_nodes = there.groups.get(name).is_some_and(|group| !group.instances.is_empty());
        if has_nodes || (is_base && there.stacks.len() > 1) {
            return Err(self.unexpected(format!("DeleteStack {name}, which is in use")));
        }
        there.stacks.remove(name);
        there.groups.remove(name);
        if is_base {
            let (_, rule) = base_rules(NODE_GROUP, "sg-cluster");
            let groups = &mut self.facts.firewall.groups;
            groups.get_mut("sg-cluster").unwrap().ingress.retain(|each| *each != rule);
            groups.remove(NODE_GROUP);
        }
        Ok(json!({}))
    }

    pub(super) fn eks(&mut self, request: &Request) -> Answer {
        let (managed, role) = (request.get("nodegroupName"), request.get("principalArn"));
        let missing = || refused("ResourceNotFoundException", "there is none");
        let there = &mut self.facts.node_groups;
        match request.action.as_str() {
            "DescribeCluster" => Ok(self.cluster()),
            "DescribeAddon" => Err(missing()),
            "ListNodegroups" => Ok(
                json!({ "nodegroups": there.managed.iter().map(|group| json!(group.name)).collect::<Value>() }),
            ),
            "DescribeNodegroup" => {
                let group = there.managed.iter().find(|group| group.name == managed).ok_or_else(missing)?;
                Ok(json!({ "nodegroup": node_group(group) }))
            }
            "UpdateNodegroupConfig" => {
                let group = there.managed.iter().find(|group| group.name == managed).ok_or_else(missing)?;
                let name = group.groups[0].clone();
                self.set_sizes(&name, request)?;
                Ok(json!({ "update": { "id": "update-1", "status": "InProgress" } }))
            }
            "ListUpdates" => Ok(json!({ "updateIds": [] })),
            "DescribeUpdate" => Ok(json!({ "update": { "id": "update-1", "status": "Successful" } })),
            "ListAccessEntries" => Ok(
                json!({ "accessEntries": there.access_entries.keys().map(|key| json!(key)).collect::<Value>() }),
            ),
            "DescribeAccessEntry" => {
                let entry = there.access_entries.get(role).ok_or_else(missing)?;
                Ok(json!({ "accessEntry": { "principalArn": role, "type": entry.kind, "tags": entry.tags } }))
            }
            "CreateAccessEntry" => {
                let tags = request
                    .parameters
                    .iter()
                    .filter_map(|(key, value)| Some((key.strip_prefix("tag ")?.to_string(), value.clone())));
                let entry = AccessEntry { kind: "EC2_LINUX".into(), tags: tags.collect() };
                match there.access_entries.insert(role.into(), entry) {
                    Some(_) => Err(refused("ResourceInUseException", "the entry exists")),
                    None => Ok(json!({})),
                }
            }
            "DeleteAccessEntry" => match there.access_entries.remove(role) {
                Some(_) => Ok(json!({})),
                None => Err(missing()),
            },
            other => Err(self.unexpected(other)),
        }
    }

    fn cluster(&self) -> Value {
        let cluster = &self.facts.cluster;
        let cluster = json!({
            "name": cluster.name, "arn": cluster.arn, "version": cluster.version, "status": cluster.status,
            "endpoint": cluster.endpoint, "certificateAuthority": { "data": cluster.certificate_authority },
            "resourcesVpcConfig": {
                "vpcId": cluster.vpc_id, "clusterSecurityGroupId": cluster.security_group,
                "subnetIds": cluster.subnet_ids, "endpointPrivateAccess": cluster.private_endpoint,
            },
            "kubernetesNetworkConfig": { "serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4" },
            "accessConfig": { "authenticationMode": "API" },
        });
        json!({ "cluster": cluster })
    }
}

fn group(group: &AutoScalingGroup) -> Value {
    let instances = group.instances.iter().map(
        |one| json!({ "InstanceId": one.id, "LifecycleState": one.state, "AvailabilityZone": one.zone }),
    );
    let subnets: Vec<String> = group.zones.iter().map(|zone| format!("subnet-{zone}")).collect();
    let suspended = group.suspended.iter().map(|process| json!({ "ProcessName": process }));
    json!({
        "AutoScalingGroupName": group.name, "MinSize": group.min, "DesiredCapacity": group.desired,
        "MaxSize": group.max, "Instances": instances.collect::<Value>(),
        "SuspendedProcesses": suspended.collect::<Value>(), "Tags": pairs(&group.tags, "Key", "Value"),
        "AvailabilityZones": group.zones, "VPCZoneIdentifier": subnets.join(","),
        "LaunchTemplate": { "LaunchTemplateId": format!("lt-{}", group.name), "Version": "1" },
    })
}

fn stack(stack: &Stack) -> Value {
    json!({
        "StackName": stack.name, "StackId": stack.id, "StackStatus": stack.status,
        "Parameters": pairs(&stack.parameters, "ParameterKey", "ParameterValue"),
        "Outputs": pairs(&stack.outputs, "OutputKey", "OutputValue"), "Tags": pairs(&stack.tags, "Key", "Value"),
    })
}

/// Its sizes are those of its Auto Scaling group, which is read as well.
fn node_group(group: &ManagedNodeGroup) -> Value {
    let groups: Vec<Value> = group.groups.iter().map(|name| json!({ "name": name })).collect();
    json!({
        "nodegroupName": group.name, "status": group.status, "resources": { "autoScalingGroups": groups },
        "scalingConfig": { "minSize": group.min, "desiredSize": group.desired, "maxSize": group.max },
    })
}
