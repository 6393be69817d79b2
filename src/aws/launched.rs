//! What instances are launched from, whatever describes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::facts::{LaunchSource, LaunchTemplate, Launched, Unclear};

use super::Aws;

impl Aws {
    /// What a group launches its instances from; `None` if it is gone.
    pub(crate) async fn launched_from(&self, source: &LaunchSource) -> Result<Option<Launched>> {
        match source {
            LaunchSource::Template { id, version } => self.ec2.launch_template(id, version).await,
            LaunchSource::Configuration(name) => {
                let found = self.autoscaling.launch_configurations(std::slice::from_ref(name)).await;
                found.map(|mut found| found.remove(name))
            }
        }
    }
}

/// `user_data`: in base64, as each of AWS's APIs returns it.
pub(super) fn launched(
    source: String,
    data: Map<String, Value>,
    user_data: Option<&str>,
    mut unclear: Vec<Unclear>,
) -> Launched {
    let user_data = STANDARD.decode(user_data.unwrap_or_default()).unwrap_or_else(|error| {
        unclear.push(Unclear { what: "UserData".into(), why: format!("it is not base64: {error}") });
        Vec::new()
    });
    Launched { template: LaunchTemplate { source, data, user_data }, unclear }
}
