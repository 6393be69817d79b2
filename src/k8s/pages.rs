//! Lists, page by page: the next page is on its way while this one is decoded.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Client, Resource};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Objects a page. A thousand pods are some 5 MB, and two such pages are in memory at a time, here and in the API
/// server. Larger ones were no faster, and took more memory.
pub const PAGE: u32 = 1000;

#[derive(Deserialize)]
struct Page<K> {
    /// Read for its faults: a list whose token can't be read is not taken for its last page.
    #[serde(default, rename = "metadata")]
    _metadata: ListMeta,
    /// Of no objects Go may write `null`.
    items: Option<Vec<K>>,
}

/// All that a query finds in the cluster, each object as what `keep` makes of it.
pub async fn all<K, T>(
    client: &Client,
    query: ListParams,
    mut keep: impl FnMut(K) -> Option<T>,
) -> kube::Result<Vec<T>>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Send + 'static,
{
    let resource = Request::new(K::url_path(&(), None));
    let list = if K::metadata_api() { Request::list_metadata } else { Request::list };
    let query = query.limit(PAGE);
    let read = |token: Option<String>| {
        let request = list(&resource, &ListParams { continue_token: token, ..query.clone() });
        async { client.request_text(request.map_err(kube::Error::BuildRequest)?).await }
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
        // On a thread of its own: what else is read must not wait for it.
        let decode = tokio::task::spawn_blocking(move || serde_json::from_str::<Page<K>>(&text));
        let (page, next) = tokio::join!(decode, next);
        let page = page.map_err(|error| kube::Error::Service(error.into()))?;
        let objects = page.map_err(kube::Error::SerdeError)?.items;
        kept.extend(objects.into_iter().flatten().filter_map(&mut keep));
        match next? {
            Some(next) => text = next,
            None => return Ok(kept),
        }
    }
}

/// Where the next page begins; nothing on the last one. The list's metadata come before its items, and no more than
/// these is read.
fn token(text: &str) -> Option<String> {
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
    // Stopping amid the text is an error to the deserializer; what is wrong with the text shows when it is decoded.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Head(&mut metadata));
    metadata.continue_.filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
