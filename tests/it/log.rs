//! `--log`, `--quiet`, `--verbose` and `--color`.

use std::fs;

use crate::cluster::shared;
use crate::command::{Outcome, in_sandbox, offline, run};

#[test]
fn the_log_has_each_call_with_its_status_and_request_id_but_no_secret() {
    let sandbox = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("calls.log");
    let path = log.to_str().expect("a path");
    run(&sandbox, &["plan", "--log", path]).expect(0);
    let first = fs::read_to_string(&log).expect("a text");
    let has = |parts: &[&str]| first.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["eni-custom", "plan --log"]), "{first}");
    assert!(has(&["aws EC2 DescribeSubnets: 200 in ", " ms, request "]), "{first}");
    assert!(has(&["kubernetes GET /api/v1/nodes: 200 in "]), "{first}");
    run(&sandbox, &["status", "--log", path]).expect(0);
    let both = fs::read_to_string(&log).expect("a text");
    assert!(both.len() > first.len() && both.starts_with(&first), "the second run's lines follow");

    let keys = &sandbox.aws.keys["admin"];
    // `k8s-aws-v1.` begins the token for the API server.
    for secret in
        [keys.secret_access_key.as_str(), "k8s-aws-v1.", "X-Amz-Signature", "Authorization", "Bearer "]
    {
        assert!(!both.contains(secret), "the log holds {secret}");
    }
}

#[test]
fn quiet_keeps_errors_and_the_result_and_verbose_shows_each_call() {
    let sandbox = shared();
    let quiet = run(&sandbox, &["plan", "--quiet"]).expect(0);
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.contains("associate-cidr"), "{}", quiet.stdout);
    run(&sandbox, &["verify", "--quiet", "--cluster", "another"]).expect(3).says(&["error: "]);
    run(&sandbox, &["status", "--verbose"]).expect(0).says(&["aws EKS DescribeCluster: 200 in "]);
}

#[test]
fn colors_are_decided_for_each_stream_and_can_be_forced() {
    let sandbox = shared();
    let escape = "\u{1b}[";
    assert!(!run(&sandbox, &["plan"]).expect(0).stdout.contains(escape));
    assert!(run(&sandbox, &["plan", "--color", "always"]).expect(0).stdout.contains(escape));
    let mut plain = in_sandbox(&sandbox, &["plan", "--color", "never"]);
    assert!(!Outcome::of(plain.env("CLICOLOR_FORCE", "1")).expect(0).stdout.contains(escape));
}

#[test]
fn an_unwritable_log_is_rejected_before_anything_is_read() {
    let ran = Outcome::of(offline().args(["plan", "--log", "/nonexistent/calls.log"])).expect(2);
    ran.says(&["the log file can't be opened", "/nonexistent/calls.log"]);
}
