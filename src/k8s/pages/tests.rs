use std::sync::{Arc, Mutex};

use kube::api::PartialObjectMeta;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::k8s::slim::Pod;

fn server(answers: Vec<(u16, Value)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    server_of(answers.into_iter().map(|(code, answer)| (code, answer.to_string().into_bytes())).collect())
}

/// An API server with these answers, and what it was asked, with the kind of answer that was wanted.
fn server_of(answers: Vec<(u16, Vec<u8>)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let accept = request.headers().get("accept").map(|kind| kind.to_str().unwrap()).unwrap_or_default();
        log.lock().unwrap().push(format!("{} {accept}", request.uri()));
        let (code, answer) = answers.lock().unwrap().next().unwrap();
        let reply = http::Response::builder().status(code).body(Body::from(answer));
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

/// A field of a protobuf message: its number and its content.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

/// Pods with these names, as they come from the API server.
fn packed_list(names: &[&str], token: &str) -> Vec<u8> {
    let pods = names.iter().flat_map(|name| field(2, &field(1, &field(1, name.as_bytes()))));
    let list: Vec<u8> = field(1, &field(3, token.as_bytes())).into_iter().chain(pods).collect();
    let kind = field(1, &[field(1, b"v1"), field(2, b"PodList")].concat());
    [b"k8s\0".to_vec(), kind, field(2, &list)].concat()
}

/// Names of the pods, which are asked for as protobuf.
async fn packed_names(answers: Vec<(u16, Vec<u8>)>) -> (kube::Result<Vec<String>>, Vec<String>) {
    let (client, asked) = server_of(answers);
    let name = |pod: Pod| pod.metadata.name.filter(|name| name != "no");
    let names = packed::<protobuf::Pod, _, _>(&client, ListParams::default(), name).await;
    let asked = asked.lock().unwrap().clone();
    (names, asked)
}

#[tokio::test]
async fn pages_are_requested_and_read_as_protobuf() {
    let pages = [packed_list(&["a", "no"], "t1"), packed_list(&[], "t2"), packed_list(&["b"], "")];
    let (names, asked) = packed_names(pages.map(|page| (200, page)).into()).await;
    assert_eq!(names.unwrap(), ["a", "b"]);
    let accept = "application/vnd.kubernetes.protobuf, application/json";
    let first = format!("/api/v1/pods?&limit={PAGE}");
    assert_eq!(asked, ["", "&continue=t1", "&continue=t2"].map(|token| format!("{first}{token} {accept}")));
}

#[tokio::test]
async fn a_json_reply_instead_of_protobuf_is_read() {
    let pages = [list(&["a"], "t").to_string().into_bytes(), packed_list(&["b"], "")];
    assert_eq!(packed_names(pages.map(|page| (200, page)).into()).await.0.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn an_error_in_protobuf_is_requested_again_as_json() {
    let gone =
        json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "old"});
    let answers = vec![(410, b"k8s\0\xff".to_vec()), (410, gone.to_string().into_bytes())];
    let (failed, asked) = packed_names(answers).await;
    assert!(matches!(failed, Err(kube::Error::Api(status)) if status.message == "old"));
    assert!(asked[1].ends_with(' '), "{asked:?}");
    // 406: only JSON can be had.
    let answers = vec![(406, Vec::new()), (200, list(&["a"], "").to_string().into_bytes())];
    assert_eq!(packed_names(answers).await.0.unwrap(), ["a"]);
}

#[tokio::test]
async fn protobuf_that_cannot_be_read_fails_the_list() {
    let whole = packed_list(&["a", "b"], "");
    let no_pod = [b"k8s\0".to_vec(), field(2, &field(2, &field(1, &field(1, b"\xff"))))].concat();
    for broken in [&whole[..whole.len() - 1], &whole[..8], b"k8s\0\xff", &no_pod] {
        let (failed, _) = packed_names(vec![(200, broken.to_vec())]).await;
        assert!(matches!(failed, Err(kube::Error::Service(_))), "{broken:?}");
    }
}

#[tokio::test]
async fn metadata_only_lists_request_only_metadata() {
    let (client, asked) = server(vec![(200, list(&["n-1"], ""))]);
    let name = |node: PartialObjectMeta<k8s_openapi::api::core::v1::Node>| node.metadata.name;
    assert_eq!(all(&client, ListParams::default(), name).await.unwrap(), ["n-1"]);
    assert!(asked.lock().unwrap()[0].contains("as=PartialObjectMetadataList"));
}

#[test]
fn the_continue_token_is_found_wherever_the_metadata_are() {
    for (text, expected) in [
        (r#"{"metadata":{"continue":"t"},"items":[{"metadata":{"continue":"no"}}]}"#, Some("t")),
        (r#"{"items":[{"metadata":{"continue":"no"}}],"metadata":{"continue":"t"}}"#, Some("t")),
        (r#"{"metadata":{"continue":""},"items":[]}"#, None),
        (r#"{"metadata":{},"items":[]}"#, None),
        (r#"{"items":[]}"#, None),
        ("", None),
    ] {
        assert_eq!(token(&Bytes::from(text)).as_deref(), expected, "{text}");
    }
}
