//! Client tokens: the same request has the same token, so AWS executes it once however often it is sent. Pure.

use sha2::{Digest, Sha256};

/// A client token for a change to a cluster. An interrupted run that is repeated sends the same token, so AWS sees the same
/// call. At most 64 letters, digits and dashes.
pub(crate) fn client_token(cluster_arn: &str, step: &str, content: &str) -> String {
    let mut hash = Sha256::new();
    for part in [cluster_arn, step, content] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("eni-custom-{}", hex::encode(&hash.finalize()[..20]))
}

#[cfg(test)]
mod tests {
    use super::client_token;

    #[test]
    fn client_tokens_are_stable_and_differ_by_content() {
        let one = client_token("arn:aws:eks:us-west-2:1:cluster/a", "launch-nodegroups", "x");
        assert_eq!(one, client_token("arn:aws:eks:us-west-2:1:cluster/a", "launch-nodegroups", "x"));
        assert_ne!(one, client_token("arn:aws:eks:us-west-2:1:cluster/a", "launch-nodegroups", "y"));
        assert!(one.len() <= 64);
    }
}
