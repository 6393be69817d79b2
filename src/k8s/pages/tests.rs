use std::sync::{Arc, Mutex};

use kube::api::PartialObjectMeta;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::k8s::slim::Pod;

/// An API server with these answers, and what it was asked, with the kind of answer that was wanted.
fn server(answers: Vec<(u16, Value)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let accept = request.headers().get("accept").map(|kind| kind.to_str().unwrap()).unwrap_or_default();
        log.lock().unwrap().push(format!("{} {accept}", request.uri()));
        let (code, answer) = answers.lock().unwrap().next().unwrap();
        let reply = http::Response::builder().status(code).body(Body::from(answer.to_string().into_bytes()));
        std::future::ready(reply)
    });
    (Client::new(service, "default"), asked)
}

fn list(names: &[&str], token: &str) -> Value {
    let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}, "items": items})
}

async fn names(answers: Vec<(u16, Value)>) -> (kube::Result<Vec<String>>, Vec<String>) {
    let (client, asked) = server(answers);
    let query = ListParams::default().fields("spec.nodeName!=");
    let names = all(&client, query, |pod: Pod| pod.metadata.name.filter(|name| name != "no")).await;
    let asked = asked.lock().unwrap().clone();
    (names, asked)
}

#[tokio::test]
async fn pages_are_read_until_there_is_no_token() {
    let (names, asked) =
        names(vec![(200, list(&["a", "no"], "t 1")), (200, list(&[], "t2")), (200, list(&["b"], ""))]).await;
    assert_eq!(names.unwrap(), ["a", "b"]);
    let first = format!("/api/v1/pods?&fieldSelector=spec.nodeName%21%3D&limit={PAGE}");
    let expected = ["", "&continue=t+1", "&continue=t2"].map(|token| format!("{first}{token} "));
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_page_that_fails_or_cannot_be_read_fails_the_list() {
    let gone =
        json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "old"});
    let (failed, _) = names(vec![(200, list(&["a"], "t")), (410, gone)]).await;
    assert!(matches!(failed, Err(kube::Error::Api(status)) if status.code == 410));
    for broken in [json!([]), json!({"metadata": {"continue": 5}, "items": []}), json!({"items": [5]})] {
        let (failed, _) = names(vec![(200, broken.clone())]).await;
        assert!(matches!(failed, Err(kube::Error::SerdeError(_))), "{broken}");
    }
    let (empty, _) = names(vec![(200, json!({"metadata": {}, "items": null}))]).await;
    assert!(empty.unwrap().is_empty());
}

#[tokio::test]
async fn where_metadata_are_enough_no_more_is_asked_for() {
    let (client, asked) = server(vec![(200, list(&["n-1"], ""))]);
    let name = |node: PartialObjectMeta<k8s_openapi::api::core::v1::Node>| node.metadata.name;
    assert_eq!(all(&client, ListParams::default(), name).await.unwrap(), ["n-1"]);
    assert!(asked.lock().unwrap()[0].contains("as=PartialObjectMetadataList"));
}

#[test]
fn the_token_is_found_wherever_the_metadata_stand() {
    for (text, expected) in [
        (r#"{"metadata":{"continue":"t"},"items":[{"metadata":{"continue":"no"}}]}"#, Some("t")),
        (r#"{"items":[{"metadata":{"continue":"no"}}],"metadata":{"continue":"t"}}"#, Some("t")),
        (r#"{"metadata":{"continue":""},"items":[]}"#, None),
        (r#"{"metadata":{},"items":[]}"#, None),
        (r#"{"items":[]}"#, None),
        ("", None),
    ] {
        assert_eq!(token(text).as_deref(), expected, "{text}");
    }
}
