//! The probe's pods as objects. They meet the restricted Pod Security Standard, and no service mesh is injected into them. Pure.

use serde_json::{Map, Value, json};

use crate::k8s::probe::{COMPONENT, RUN, ZONE};
use crate::tags::FIELD_MANAGER;

const PORT: u16 = 8080;

/// What a pod is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Listens,
    Asks,
}

impl Role {
    pub(super) fn label(self) -> &'static str {
        match self {
            Role::Listens => "probe-listens",
            Role::Asks => "probe-asks",
        }
    }
}

/// What all pods of one probe have in common.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The process that created them, so that a later run finds the pods that a killed run has left.
    pub identity: String,
    pub image: String,
    /// How long a phase of the probe may last.
    pub seconds: u64,
}

/// Each line of the result is `NAME ok` or `NAME failed`, on stdout and in the termination message; the exit code is 0 if
/// all are ok. Each name is tried three times: the first packet from a new interface may be lost.
///
/// Debian's busybox has an nc without `-z`; it ends as soon as the other side has read all of its input.
pub(super) const ASK: &str = r#"
if ! command -v nc >/dev/null; then echo "the image has no nc" >>/dev/termination-log; exit 127; fi
bad=0
zero=-z
case $(nc -z 2>&1) in *"invalid option"*) zero=;; esac
reach() { nc $zero -w 5 "$1" "$2" </dev/null; }
try() {
  name=$1; shift
  for attempt in 1 2 3; do
    if "$@" >/dev/null 2>&1; then result="$name ok"; break; fi
    result="$name failed"
    sleep 1
  done
  echo "$result"; echo "$result" >>/dev/termination-log
  case $result in *failed) bad=1;; esac
}
# A cluster may have another domain; its search list then resolves the short name.
dns() { nslookup kubernetes.default.svc.cluster.local || reach kubernetes.default.svc 443; }
try dns dns
try api reach "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT"
for other in $OTHERS; do
  try "pod ${other%%=*}" reach "${other#*=}" "$PORT"
done
exit $bad
"#;

/// Labels that identify the probe's pods, also for NetworkPolicies.
pub(super) fn labels(role: Role, zone: &str) -> [(&'static str, &str); 5] {
    [
        ("app.kubernetes.io/name", "eni-custom-probe"),
        ("app.kubernetes.io/managed-by", FIELD_MANAGER),
        (COMPONENT, role.label()),
        (ZONE, zone),
        // A mesh proxy would delay the container and answer in its place.
        ("sidecar.istio.io/inject", "false"),
    ]
}

/// A pod on this node. `others` are the pods that it connects to, by zone and address.
pub(super) fn pod(run: &Run, role: Role, zone: &str, node: &str, others: &[(String, String)]) -> Value {
    let command = match role {
        Role::Listens => format!("exec httpd -f -p {PORT} -h /tmp"),
        Role::Asks => ASK.trim().to_string(),
    };
    let others: Vec<String> = others.iter().map(|(zone, address)| format!("{zone}={address}")).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "eni-custom-probe-",
            "labels": Map::from_iter(labels(role, zone).map(|(key, value)| (key.to_string(), json!(value)))),
            "annotations": {
                RUN: run.identity,
                "sidecar.istio.io/inject": "false",
                "linkerd.io/inject": "disabled",
            },
        },
        "spec": {
            "restartPolicy": "Never",
            // Ends the pod even if nothing removes it.
            "activeDeadlineSeconds": 2 * run.seconds + 60,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchFields": [
                    { "key": "metadata.name", "operator": "In", "values": [node] },
                ] }],
            } } },
            "tolerations": [{ "operator": "Exists" }],
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65534,
                "runAsGroup": 65534,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "probe",
                "image": run.image,
                "command": ["sh", "-c", command],
                "env": [
                    { "name": "OTHERS", "value": others.join(" ") },
                    { "name": "PORT", "value": PORT.to_string() },
                ],
                "resources": {
                    "requests": { "cpu": "10m", "memory": "16Mi" },
                    "limits": { "cpu": "100m", "memory": "32Mi" },
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run { identity: "host/boot/1".into(), image: "example.com/box".into(), seconds: 120 }
    }

    #[test]
    fn a_probe_meets_the_restricted_standard_and_ends_by_itself() {
        let others = [("b".to_string(), "100.64.0.9".to_string())];
        insta::assert_json_snapshot!(pod(&run(), Role::Asks, "a", "node-1", &others));
    }
}
