//! Probes whose pods answer, don't answer, or are interrupted.

use std::process::Stdio;

use sandbox::Sandbox;
use serde_json::{Value, json};

use super::problems;
use crate::command::{Outcome, in_sandbox, run, writes};
use crate::journey::until;

/// No process runs in a pod of the sandbox, so the test writes the pods' results.
#[track_caller]
pub(super) fn probes(sandbox: &Sandbox) {
    let answer = |code: i32, of: &dyn Fn(&str) -> String| {
        let pods: Value =
            serde_json::from_str(&list(sandbox, "app.kubernetes.io/component=probe-asks")).expect("JSON");
        for pod in pods["items"].as_array().into_iter().flatten() {
            let zone = pod["metadata"]["labels"]["eni-custom/zone"].as_str().unwrap_or_default();
            let ended = json!({"exitCode": code, "message": of(zone), "reason": "Completed"});
            let status = json!({"status": {
                "phase": if code == 0 { "Succeeded" } else { "Failed" },
                "containerStatuses": [{"name": "probe", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": ended}}],
            }});
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            // The pod may have been deleted by now.
            let _ = sandbox.kubectl(&[
                "patch",
                "pod",
                name,
                "--subresource=status",
                "--type=merge",
                "-p",
                &status.to_string(),
            ]);
        }
    };
    let probe = |code: i32, of: &dyn Fn(&str) -> String| {
        let mut child = in_sandbox(sandbox, &["verify", "--probe", "--output", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        while child.try_wait().expect("the program can be asked").is_none() {
            answer(code, of);
        }
        let output = child.wait_with_output().expect("the run has ended");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::new(),
        }
    };
    let other = |zone: &str| if zone == "us-west-2a" { "us-west-2b" } else { "us-west-2a" };
    let mark = sandbox.mark();
    let well = probe(0, &|zone| format!("dns ok\napi ok\npod {} ok\n", other(zone))).expect(0).json();
    assert_eq!(problems(&well), [""; 0]);
    assert!(well.to_string().contains("pods reach pods of other zones"));
    none_is_left(sandbox);
    let made = writes(sandbox, mark);
    let count = |verb: &str| made.iter().filter(|write| write.starts_with(verb)).count();
    assert_eq!((count("create"), count("delete")), (4, 4), "two pods in each zone: {made:?}");

    let ill = probe(1, &|zone| format!("dns failed\napi ok\npod {} failed\n", other(zone))).expect(4).json();
    assert_eq!(problems(&ill), ["EC-VFY-051 error", "EC-VFY-053 error"]);

    // A killed run has left its pods. In the next run no pod answers, and Ctrl-C is pressed.
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let mut child = in_sandbox(sandbox, &["verify", "--probe"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let pid = child.id().to_string();
        until("this run's pods exist", || {
            let pods = list(sandbox, "app.kubernetes.io/component=probe-asks");
            pods.matches(&format!("/{pid}\"")).count() >= 2
        });
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal)
            .expect("the signal is sent");
        let status = child.wait().expect("the run exits");
        if signal == rustix::process::Signal::INT {
            assert_eq!(status.code(), Some(130));
            none_is_left(sandbox);
        }
    }

    // A namespace that the probe may not use proves nothing.
    let absent = ["verify", "--probe", "--probe-namespace", "not-there", "--output", "json"];
    let refused = run(sandbox, &absent).expect(4).json();
    assert_eq!(problems(&refused), ["EC-VFY-050 unknown"]);

    // A quota allows three of the four pods: the created ones are deleted.
    sandbox.kubectl(&["create", "namespace", "tight"]).expect("kubectl answers");
    sandbox.kubectl(&["-n", "tight", "create", "quota", "few", "--hard", "pods=3"]).expect("kubectl answers");
    until("the quota is counted", || {
        let counted = ["-n", "tight", "get", "quota", "few", "-o", "jsonpath={.status.used.pods}"];
        sandbox.kubectl(&counted).expect("kubectl answers").trim() == "0"
    });
    let tight = ["verify", "--probe", "--probe-namespace", "tight", "--output", "json"];
    let refused = run(sandbox, &tight).expect(4).json();
    assert_eq!(problems(&refused), ["EC-VFY-050 unknown"]);
    assert!(refused.to_string().contains("exceeded quota"), "{refused}");
    none_is_left(sandbox);

    // Restricted Pod Security allows these pods, and none answers in time.
    for args in [
        &["create", "namespace", "strict"][..],
        &["label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted"],
    ] {
        sandbox.kubectl(args).expect("kubectl answers");
    }
    let strict =
        ["verify", "--probe", "--probe-namespace", "strict", "--probe-timeout", "1s", "--output", "json"];
    let late = run(sandbox, &strict).expect(4).json();
    assert_eq!(problems(&late), ["EC-VFY-050 error"]);
    none_is_left(sandbox);
}

#[track_caller]
fn none_is_left(sandbox: &Sandbox) {
    let left = list(sandbox, "app.kubernetes.io/name=eni-custom-probe");
    assert_eq!(left.matches("\"kind\": \"Pod\"").count(), 0, "{left}");
}

fn list(sandbox: &Sandbox, selector: &str) -> String {
    sandbox.kubectl(&["get", "pods", "-A", "-l", selector, "-o", "json"]).expect("kubectl answers")
}
