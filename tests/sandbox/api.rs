//! Reads from the API server within this process. kubectl takes a tenth of a second of a processor for each call, which
//! is too much to wait for something with.

use std::path::Path;

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

use super::witness::block_on;

/// The client configuration of test code, for the sandbox in this folder.
pub(crate) async fn config(dir: &Path) -> Result<Config> {
    let file = Kubeconfig::read_from(dir.join("kubeconfig-admin"))?;
    Ok(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
}

/// An error unless the API server is ready.
pub(crate) fn is_ready(dir: &Path) -> Result<()> {
    block_on(async { get(&client(dir).await?, "/readyz").await.map(drop) })
}

/// All objects of these kinds, in all namespaces. A kind comes with the path of its list.
pub(crate) fn objects(dir: &Path, kinds: &[(&str, &str)]) -> Result<Vec<Value>> {
    block_on(async {
        let client = client(dir).await?;
        let mut objects = Vec::new();
        for (kind, path) in kinds {
            let mut list: Value = serde_json::from_str(&get(&client, path).await?)?;
            let items = list["items"].as_array_mut().with_context(|| format!("{path} is no list"))?;
            // Only the list says the kind.
            items.iter_mut().for_each(|item| item["kind"] = (*kind).into());
            objects.append(items);
        }
        Ok(objects)
    })
}

async fn client(dir: &Path) -> Result<Client> {
    Ok(Client::try_from(config(dir).await?)?)
}

async fn get(client: &Client, path: &str) -> Result<String> {
    Ok(client.request_text(http::Request::get(path).body(Vec::new())?).await?)
}
