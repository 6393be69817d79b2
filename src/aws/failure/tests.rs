use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;

use crate::aws::http;
use crate::net::proxy::Proxies;

use super::*;

/// What a real call says that goes there, once and for at most half a second.
async fn said(url: &str, https_proxy: Option<String>) -> (String, String) {
    let proxies = Proxies::read(|name| https_proxy.clone().filter(|_| name == "HTTPS_PROXY")).unwrap();
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(500));
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-west-2"))
        .endpoint_url(url)
        .http_client(http::client(&proxies, None).unwrap())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"));
    let config = Box::pin(config.load()).await;
    let reply = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    let error = failure("authenticate to AWS", &reply.unwrap_err());
    (error.to_string(), error.fix_command().unwrap_or_default().to_string())
}

/// A server that reads one request and gives this answer; without one it stays silent.
fn server(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]);
        match answer {
            Some(answer) => connection.write_all(answer.as_bytes()).unwrap(),
            // Until the client closes the connection.
            None => while connection.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {},
        }
    });
    address
}

/// No server listens there.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_refused_connection_says_where_to() {
    let address = closed();
    let (text, fix) = said(&format!("http://{address}"), None).await;
    assert_eq!(text, format!("authenticate to AWS: cannot connect to http://{address}: connection refused"));
    assert_eq!(fix, "");
}

#[tokio::test]
async fn a_refused_connection_to_a_proxy_says_through_which() {
    let proxy = closed();
    let (text, fix) = said("https://sts.example.com/", Some(format!("http://me:secret@{proxy}"))).await;
    let expected =
        format!("cannot connect to https://sts.example.com through http://{proxy}: connection refused");
    assert_eq!(text, format!("authenticate to AWS: {expected}"));
    assert_eq!(fix, "check HTTPS_PROXY and NO_PROXY");
}

#[tokio::test]
async fn a_server_without_tls_or_an_answer_is_reported_in_words() {
    let address = server(Some("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let (text, _) = said(&format!("https://{address}"), None).await;
    assert_eq!(
        text,
        format!("authenticate to AWS: cannot connect to https://{address}: the server does not speak TLS")
    );
    let address = server(Some(""));
    let (text, _) = said(&format!("http://{address}"), None).await;
    assert!(text.contains(&format!("no answer from http://{address}: connection closed")), "{text}");
    let (text, _) = said(&format!("http://{}", server(None)), None).await;
    assert_eq!(text, "authenticate to AWS: no answer within 500ms");
}

#[tokio::test]
async fn a_reply_that_is_not_aws_s_is_shown_with_its_status_and_first_words() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 19\r\n\r\n<p>Please log in</p>";
    let (text, fix) = said(&format!("http://{}", server(Some(page))), None).await;
    assert!(text.contains("HTTP status 200, text/html: \"Please log in"), "{text}");
    assert!(fix.contains("proxy or firewall"), "{fix}");
    let empty = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let (text, _) = said(&format!("http://{}", server(Some(empty))), None).await;
    assert!(
        text.contains("HTTP status 403, no content type: an empty body is not a reply from AWS"),
        "{text}"
    );
}

#[test]
fn errors_that_never_left_the_program_are_one_line() {
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
    type Failed = SdkError<GetCallerIdentityError, HttpResponse>;
    let text = |error: Failed| failure("authenticate to AWS", &error).to_string();
    let missing = CredentialsError::not_loaded("no providers in chain provided credentials");
    let text_of_missing = text(SdkError::construction_failure(missing));
    assert_eq!(text_of_missing, "authenticate to AWS: no providers in chain provided credentials");
    let invalid = std::io::Error::other("uri has\n no host");
    assert_eq!(text(SdkError::construction_failure(invalid)), "authenticate to AWS: uri has no host");
}

#[test]
fn a_page_s_first_words_are_told_on_one_line() {
    let page = "<!DOCTYPE html>\n<html><head><style>body { color: red }</style><title>Access\n denied</title></head>\
                <body><script>if (1 < 2) { }</script><p>Your request was <b>blocked</b></p></body></html>";
    assert_eq!(first_words(page), "Access denied Your request was blocked");
    assert_eq!(first_words("Bad\n\tGateway"), "Bad Gateway");
    assert_eq!(first_words(""), "");
    assert_eq!(first_words("<"), "");
    assert_eq!(first_words("<script>never closed"), "never closed");
    let long = first_words(&"ä word ".repeat(40));
    assert!(long.chars().count() <= 81 && long.ends_with('…'), "{long}");
}
