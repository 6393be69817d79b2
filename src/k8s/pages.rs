//! Reads lists page by page: the next page is fetched while this one is decoded.

use std::fmt;

use http::header::{ACCEPT, HeaderValue};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::client::Body;
use kube::core::Request;
use kube::{Client, Resource};
use prost::Message;
use prost::bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{failure, protobuf};

/// Objects per page. A thousand pods are about 5 MB as JSON, and two pages are in memory at a time, here and in the API
/// server. Larger pages were not faster, and took more memory.
pub const PAGE: u32 = 1000;

#[derive(Deserialize)]
struct Page<K> {
    /// Parsed strictly: a list whose token can't be read must not be taken for the last page.
    #[serde(default, rename = "metadata")]
    _metadata: ListMeta,
    /// Of no objects Go may write `null`.
    items: Option<Vec<K>>,
}

/// All objects that match a query, each converted by `keep`.
pub async fn all<K, T>(
    client: &Client,
    query: ListParams,
    keep: impl FnMut(K) -> Option<T>,
) -> kube::Result<Vec<T>>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Send + 'static,
{
    Box::pin(every(client, query, None, json, keep)).await
}

/// The same as protobuf, where M is the message of a K: for kinds with up to a hundred thousand objects.
pub async fn packed<M, K, T>(
    client: &Client,
    query: ListParams,
    keep: impl FnMut(K) -> Option<T>,
) -> kube::Result<Vec<T>>
where
    M: Message + Default + fmt::Debug + Into<K>,
    K: Resource<DynamicType = ()> + DeserializeOwned + Send + 'static,
{
    let decode = |page: Bytes| match protobuf::list(&page) {
        Some(list) => {
            let items =
                list.and_then(protobuf::items::<M>).map_err(|error| kube::Error::Service(error.into()))?;
            Ok(items.into_iter().map(Into::into).collect())
        }
        None => json(page),
    };
    Box::pin(every(client, query, Some(protobuf::ACCEPT), decode, keep)).await
}

async fn every<K, T>(
    client: &Client,
    query: ListParams,
    accept: Option<&'static str>,
    decode: fn(Bytes) -> kube::Result<Vec<K>>,
    mut keep: impl FnMut(K) -> Option<T>,
) -> kube::Result<Vec<T>>
where
    K: Resource<DynamicType = ()> + Send + 'static,
{
    let resource = Request::new(K::url_path(&(), None));
    let list = if K::metadata_api() { Request::list_metadata } else { Request::list };
    let query = query.limit(PAGE);
    let read = |token: Option<String>| {
        let request = list(&resource, &ListParams { continue_token: token, ..query.clone() });
        async move { page(client, request.map_err(kube::Error::BuildRequest)?, accept).await }
    };
    let mut kept = Vec::new();
    let mut text = read(None).await?;
    loop {
        let token = token(&text);
        let next = async {
            match token {
                Some(_) => read(token).await.map(Some),
                None => Ok(None),
            }
        };
        // On a separate thread, so that other reads do not wait for it.
        let decode = tokio::task::spawn_blocking(move || decode(text));
        let (objects, next) = tokio::join!(decode, next);
        let objects = objects.map_err(|error| kube::Error::Service(error.into()))??;
        kept.extend(objects.into_iter().filter_map(&mut keep));
        match next? {
            Some(next) => text = next,
            None => return Ok(kept),
        }
    }
}

/// One reply, in a format of `accept` or as JSON.
async fn page(
    client: &Client,
    request: http::Request<Vec<u8>>,
    accept: Option<&'static str>,
) -> kube::Result<Bytes> {
    if let Some(accept) = accept {
        let mut packed = request.clone();
        packed.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
        let answer = client.send(packed.map(Body::from)).await?;
        if answer.status().is_success() {
            return answer.into_body().collect_bytes().await;
        }
        // An error would be protobuf too: the request is repeated to get it as JSON.
    }
    client.request_text(request).await.map(Bytes::from)
}

fn json<K: DeserializeOwned>(page: Bytes) -> kube::Result<Vec<K>> {
    let page: Page<K> = serde_json::from_slice(&page).map_err(kube::Error::SerdeError)?;
    Ok(page.items.unwrap_or_default())
}

/// The continue token of the next page; `None` on the last page. Only the list's metadata are parsed; they come before the
/// items.
fn token(page: &Bytes) -> Option<String> {
    match protobuf::list(page) {
        Some(list) => protobuf::token(list.ok()?),
        None => json_token(page),
    }
}

fn json_token(text: &[u8]) -> Option<String> {
    struct Head<'a>(&'a mut ListMeta);

    impl<'de> Visitor<'de> for Head<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(key) = list.next_key::<String>()? {
                if key == "metadata" {
                    *self.0 = list.next_value()?;
                    break;
                }
                list.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut metadata = ListMeta::default();
    // Stopping early is an error to the deserializer; errors in the text are reported when it is decoded.
    let _ = serde_json::Deserializer::from_slice(text).deserialize_map(Head(&mut metadata));
    metadata.continue_.filter(|token| !token.is_empty())
}

/// Objects of an optional custom resource; empty if the cluster does not have the CRD.
pub async fn custom<T>(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    plural: &str,
    wanted: impl Fn(&DynamicObject) -> Option<T>,
) -> crate::error::Result<Vec<T>> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut found = Vec::new();
    let mut query = ListParams::default().limit(PAGE);
    loop {
        let page = match api.list(&query).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(found),
            Err(error) => return Err(failure(format!("list {kind}s"), &error)),
        };
        found.extend(page.items.iter().filter_map(&wanted));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => query = query.continue_token(&token),
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests;
