//! The AWS side on the wire: the query protocols of EC2, Auto Scaling and CloudFormation (XML), REST JSON of EKS, and
//! JSON of the services that a run only reads.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::{Answer, Call, Refusal, Reply, Scripted, World};

/// One request, with its parameters by name, whatever the protocol.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    service: String,
    pub action: String,
    pub parameters: BTreeMap<String, String>,
}

/// The parameters that a test sees, in this order.
const SHOWN: [&str; 10] = [
    "StackName",
    "AutoScalingGroupName",
    "nodegroupName",
    "InstanceId",
    "SubnetId",
    "CidrBlock",
    "AssociationId",
    "principalArn",
    "ScalingProcesses.member.1",
    "ScalingProcesses.member.2",
];
const SIZES: [(&str, &str); 3] = [("min", "MinSize"), ("max", "MaxSize"), ("desired", "DesiredCapacity")];

impl Request {
    fn of(request: &HttpRequest) -> Self {
        let uri: http::Uri = request.uri().parse().unwrap();
        let service = uri.host().unwrap_or_default().split('.').next().unwrap_or_default().to_string();
        let body = request.body().bytes().unwrap_or_default();
        if let Some(target) = request.headers().get("x-amz-target") {
            let action = target.rsplit('.').next().unwrap_or_default().to_string();
            return Request { service, action, ..Request::default() };
        }
        if service == "eks" {
            let body = serde_json::from_slice(body).unwrap_or_default();
            return Request::of_eks(request.method(), uri.path(), &body);
        }
        let text = String::from_utf8_lossy(body);
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let mut parameters: BTreeMap<String, String> =
            pairs.map(|(key, value)| (decoded(key), decoded(value))).collect();
        // The parameters of a stack by their own names.
        for at in 1..40 {
            let part =
                |part: &str| parameters.get(&format!("Parameters.member.{at}.Parameter{part}")).cloned();
            if let (Some(key), Some(value)) = (part("Key"), part("Value")) {
                parameters.insert(key, value);
            }
        }
        Request { service, action: parameters.remove("Action").unwrap_or_default(), parameters }
    }

    fn of_eks(method: &str, path: &str, body: &Value) -> Self {
        let path = decoded(path);
        let (path, name) = match path.trim_start_matches("/clusters/shop").trim_start_matches('/') {
            "" => ("", ""),
            rest => rest.split_once('/').unwrap_or((rest, "")),
        };
        let action = match (method, path, name) {
            ("GET", "", _) => "DescribeCluster",
            ("GET", "addons", _) => "DescribeAddon",
            ("GET", "node-groups", "") => "ListNodegroups",
            ("GET", "node-groups", _) => "DescribeNodegroup",
            ("POST", "node-groups", _) => "UpdateNodegroupConfig",
            ("GET", "updates", "") => "ListUpdates",
            ("GET", "updates", _) => "DescribeUpdate",
            ("GET", "access-entries", "") => "ListAccessEntries",
            ("GET", "access-entries", _) => "DescribeAccessEntry",
            ("POST", "access-entries", _) => "CreateAccessEntry",
            ("DELETE", "access-entries", _) => "DeleteAccessEntry",
            _ => {
                return Request {
                    service: "eks".into(),
                    action: format!("{method} {path}"),
                    ..Request::default()
                };
            }
        };
        let name = name.trim_end_matches("/update-config");
        let mut parameters: BTreeMap<String, String> = BTreeMap::new();
        match path {
            "node-groups" => drop(parameters.insert("nodegroupName".into(), name.into())),
            "access-entries" => drop(parameters.insert("principalArn".into(), name.into())),
            _ => {}
        }
        for (ours, theirs) in [
            ("principalArn", "/principalArn"),
            ("MinSize", "/scalingConfig/minSize"),
            ("MaxSize", "/scalingConfig/maxSize"),
            ("DesiredCapacity", "/scalingConfig/desiredSize"),
            ("ClientRequestToken", "/clientRequestToken"),
        ] {
            match body.pointer(theirs) {
                Some(Value::String(text)) => drop(parameters.insert(ours.into(), text.clone())),
                Some(Value::Number(number)) => drop(parameters.insert(ours.into(), number.to_string())),
                _ => {}
            }
        }
        for (key, value) in body.pointer("/tags").and_then(Value::as_object).into_iter().flatten() {
            parameters.insert(format!("tag {key}"), value.as_str().unwrap_or_default().into());
        }
        Request { service: "eks".into(), action: action.into(), parameters }
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<i32> {
        self.get(name).parse().ok()
    }

    /// The values of a list: all parameters whose names begin like this.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.parameters
            .iter()
            .filter(|(key, _)| key.starts_with(name))
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The tags of a new resource, in the spelling of EC2 (`TagSpecification.1.Tag.1.Key`) or of CloudFormation.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let keys = self.parameters.iter().filter(|(name, _)| name.contains("Tag") && name.ends_with(".Key"));
        keys.map(|(name, key)| (key.clone(), self.get(&name.replace(".Key", ".Value")).to_string())).collect()
    }

    fn call(&self) -> Call {
        let mut text = self.action.clone();
        let writes = !["Describe", "List", "Get"].iter().any(|verb| self.action.starts_with(verb));
        if writes {
            let shown = SHOWN.iter().filter(|name| self.parameters.contains_key(**name));
            shown.for_each(|name| text.push_str(&format!(" {}", self.get(name))));
            let sizes = SIZES.iter().filter(|(_, name)| self.parameters.contains_key(*name));
            sizes.for_each(|(shown, name)| text.push_str(&format!(" {shown}={}", self.get(name))));
        }
        Call { text, writes }
    }

    fn response(&self, answer: Answer) -> HttpResponse {
        let id = format!("request-of-{}", self.action);
        let is_query =
            matches!(self.service.as_str(), "ec2" | "autoscaling" | "cloudformation" | "sts" | "iam");
        let status = answer
            .as_ref()
            .err()
            .map_or(200, |refusal| if refusal.code.contains("Denied") { 403 } else { 400 });
        let code = answer.as_ref().err().map(|refusal| refusal.code.clone());
        let text = match (&answer, is_query, self.service.as_str()) {
            (Ok(value), false, _) => value.to_string(),
            (Err(Refusal { message, .. }), false, _) => json!({ "message": message }).to_string(),
            (Ok(value), _, "ec2") => {
                format!(
                    "<{0}Response><requestId>{id}</requestId>{1}</{0}Response>",
                    self.action,
                    xml(value, "item")
                )
            }
            (Ok(value), ..) => format!(
                "<{0}Response><{0}Result>{1}</{0}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{0}Response>",
                self.action,
                xml(value, "member")
            ),
            (Err(Refusal { code, message }), _, "ec2") => format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
            ),
            (Err(Refusal { code, message }), ..) => format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
            ),
        };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(text));
        response.headers_mut().insert("x-amzn-requestid", id);
        if let Some(code) = code {
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        response
    }
}

/// A form's or a path's text.
fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// An answer as XML; the elements of a list have this name.
fn xml(value: &Value, item: &str) -> String {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("<{name}>{}</{name}>", xml(value, item)))
            .collect(),
        Value::Array(items) => {
            items.iter().map(|each| format!("<{item}>{}</{item}>", xml(each, item))).collect()
        }
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        other => other.to_string(),
    }
}

impl World {
    fn aws(&mut self, request: &Request) -> Reply {
        let token = request.get("ClientRequestToken");
        if !token.is_empty() {
            self.tokens.push((request.action.clone(), token.into()));
        }
        self.reply(request.call(), |world| match request.service.as_str() {
            "ec2" => world.ec2(request),
            "autoscaling" => world.auto_scaling(request),
            "cloudformation" => world.cloud_formation(request),
            "eks" => world.eks(request),
            _ => match request.action.as_str() {
                // No policy restricts the account's root user, so no permission is asked about.
                "GetCallerIdentity" => {
                    Ok(json!({ "Account": "1", "Arn": "arn:aws:iam::1:root", "UserId": "1" }))
                }
                "GetInstanceProfile" => {
                    let role = json!({
                        "Path": "/", "RoleName": "old-nodes", "RoleId": "1", "Arn": "arn:aws:iam::1:role/old-nodes",
                        "CreateDate": "2026-01-01T00:00:00Z",
                    });
                    Ok(json!({ "InstanceProfile": {
                        "Path": "/", "InstanceProfileName": "nodes", "InstanceProfileId": "1",
                        "Arn": "arn:aws:iam::1:instance-profile/nodes", "CreateDate": "2026-01-01T00:00:00Z",
                        "Roles": [role],
                    } }))
                }
                "ListAttachedRolePolicies" => {
                    let policy = |name: &str| json!({ "PolicyName": name, "PolicyArn": format!("arn:aws:iam::aws:policy/{name}") });
                    let policies = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly"].map(policy);
                    Ok(json!({ "AttachedPolicies": policies, "IsTruncated": false }))
                }
                "ListRolePolicies" => Ok(json!({ "PolicyNames": [], "IsTruncated": false })),
                "ListServiceQuotas" => Ok(json!({ "Quotas": [] })),
                "GetServiceQuota" => Ok(json!({ "Quota": { "Value": 1000.0 } })),
                "GetParameter" => Ok(json!({ "Parameter": { "Value": "ami-1" } })),
                other => Err(world.unexpected(other)),
            },
        })
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = Request::of(&request);
        let reply = self.world().aws(&request);
        self.changed.notify_waiters();
        HttpConnectorFuture::new(async move {
            match reply {
                Reply::Answer(answer) => Ok(request.response(answer)),
                Reply::Lost => Err(ConnectorError::io("the connection was reset".into())),
            }
        })
    }
}

impl Scripted {
    /// A configuration whose requests all come here. A call that may be tried again is, without a pause.
    pub(super) fn sdk_config(&self) -> SdkConfig {
        let connector = self.clone();
        let credentials = Credentials::new("AKIATEST", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::ZERO))
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone())))
            .build()
    }
}
