//! Settings of the AWS profile in use that the SDK does not act on.

use std::collections::BTreeSet;

use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{Profile as Section, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};

use crate::error::Error;

/// The profile that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProfileChoice<'a> {
    pub name: Option<&'a str>,
    /// Named by `--profile`. The profile then wins over credentials in the environment, as in the aws CLI (botocore,
    /// `create_credential_resolver`: a profile of the session disables the providers that read variables). The SDK
    /// would use the environment, perhaps of another account. AWS_PROFILE does not win over the environment.
    pub is_flag: bool,
}

/// The profiles of ~/.aws/config and ~/.aws/credentials.
pub(crate) async fn names() -> Vec<String> {
    let found =
        Box::pin(aws_config::profile::load(&Fs::real(), &Env::real(), &Default::default(), None)).await;
    found.map(|set| set.profiles().map(ToString::to_string).collect()).unwrap_or_default()
}

/// Whether another program gets the profile's credentials, and may ask for a password (`credential_process`).
pub(crate) async fn starts_a_program(choice: ProfileChoice<'_>) -> bool {
    let selected = choice.name.map(|name| name.to_string().into());
    let set =
        Box::pin(aws_config::profile::load(&Fs::real(), &Env::real(), &Default::default(), selected)).await;
    set.is_ok_and(|set| {
        chain(&set, set.selected_profile()).iter().any(|profile| profile.get("credential_process").is_some())
    })
}

/// Credentials of this profile, else of the container or the instance, in the aws CLI's order for `--profile`.
pub(super) fn credentials(
    name: &str,
    region: Option<&str>,
    http: SharedHttpClient,
) -> CredentialsProviderChain {
    let region = region.map(|region| Region::new(region.to_string()));
    let config = ProviderConfig::without_region().with_region(region).with_http_client(http);
    let of_profile = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build();
    CredentialsProviderChain::first_try("Profile", of_profile)
        .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(&config).build())
        .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&config).build())
}

/// The profile in use and its kind of credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub name: String,
    /// A file of certificates to trust.
    pub ca_bundle: Option<String>,
    pub login: Login,
}

/// How the profile gets its credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Login {
    #[default]
    Other,
    /// A role that needs an MFA code: only the aws CLI asks a person for it.
    Mfa { role: String },
    /// `aws sso login`
    Sso,
    /// `aws login`
    Session,
}

impl Profile {
    /// Reads the profile files as the SDK does. If they can't be read, the SDK reports it.
    pub(super) async fn read(choice: ProfileChoice<'_>) -> Self {
        let (fs, env) = (Fs::real(), Env::real());
        let selected = choice.name.map(|name| name.to_string().into());
        match Box::pin(aws_config::profile::load(&fs, &env, &Default::default(), selected)).await {
            Ok(set) => Profile::of(&set, !choice.is_flag && env.get("AWS_ACCESS_KEY_ID").is_ok()),
            Err(_) => Profile::default(),
        }
    }

    fn of(set: &ProfileSet, keys_given: bool) -> Self {
        let selected = set.selected_profile();
        let ca_bundle = set.get("ca_bundle").map(ToString::to_string);
        let login = if keys_given { Login::Other } else { login(set, selected) };
        Profile { name: selected.to_string(), ca_bundle, login }
    }

    /// A failure to get credentials, with the fix for this kind of profile.
    pub(super) fn explain(&self, error: Error) -> Error {
        // An error code means that the service answered: the credentials work, or the code says what is wrong with them.
        let expired = error.code().contains("Expired");
        if !error.code().is_empty() && !expired {
            return error;
        }
        let name = &self.name;
        let about_credentials =
            error.reason().is_some_and(|cause| cause.message.to_lowercase().contains("credentials"));
        let export = format!(
            "eval \"$(aws configure export-credentials --profile {name} --format env)\" and run this again without --profile"
        );
        match &self.login {
            _ if !about_credentials && !expired => error,
            Login::Mfa { role } => Error::failed("load AWS credentials")
                .at(format!("profile {name}"))
                .because(format!(
                    "{role} needs an MFA code (mfa_serial), and only the aws CLI can ask for it"
                ))
                .fix(export),
            Login::Sso => error.fix(format!("aws sso login --profile {name}, then run this again")),
            Login::Session => error
                .because(format!(
                    "profile {name} uses an `aws login` session, which only the aws CLI can read"
                ))
                .fix(export),
            Login::Other => error,
        }
    }
}

/// A profile and those that its credentials come from, by `source_profile`.
fn chain<'a>(set: &'a ProfileSet, selected: &'a str) -> Vec<&'a Section> {
    let mut seen = BTreeSet::new();
    let mut profiles = Vec::new();
    let mut next = Some(selected);
    while let Some(name) = next.filter(|name| seen.insert(*name)) {
        let Some(profile) = set.get_profile(name) else { break };
        profiles.push(profile);
        next = profile.get("source_profile");
    }
    profiles
}

fn login(set: &ProfileSet, selected: &str) -> Login {
    for profile in chain(set, selected) {
        if let (Some(role), Some(_)) = (profile.get("role_arn"), profile.get("mfa_serial")) {
            return Login::Mfa { role: role.to_string() };
        }
        if profile.get("login_session").is_some() {
            return Login::Session;
        }
        if profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some() {
            return Login::Sso;
        }
    }
    Login::Other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    const CONFIG: &str = "
[profile keys]
ca_bundle = /etc/bundle.pem
[profile admin]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = person
[profile person]
role_arn = arn:aws:iam::123456789012:role/person
mfa_serial = arn:aws:iam::123456789012:mfa/ann
source_profile = keys
[profile sso]
sso_session = corp
[profile console]
login_session = arn:aws:iam::123456789012:user/ann
[profile round]
role_arn = arn:aws:iam::123456789012:role/round
source_profile = round
";

    async fn profile(name: &str, keys_given: bool) -> Profile {
        let fs = Fs::from_slice(&[("config", CONFIG)]);
        let env = Env::from_slice(&[("AWS_CONFIG_FILE", "config"), ("HOME", "/nobody")]);
        let selected = Some(name.to_string().into());
        let set = aws_config::profile::load(&fs, &env, &Default::default(), selected).await.unwrap();
        Profile::of(&set, keys_given)
    }

    #[tokio::test]
    async fn the_login_kind_follows_source_profile() {
        let login = async |name: &str| profile(name, false).await.login;
        let mfa = Login::Mfa { role: "arn:aws:iam::123456789012:role/person".into() };
        assert_eq!(login("admin").await, mfa);
        assert_eq!(login("person").await, mfa);
        assert_eq!(login("keys").await, Login::Other);
        assert_eq!(login("sso").await, Login::Sso);
        assert_eq!(login("console").await, Login::Session);
        assert_eq!(login("round").await, Login::Other);
        assert_eq!(login("none").await, Login::Other);
        assert_eq!(profile("keys", false).await.ca_bundle.as_deref(), Some("/etc/bundle.pem"));
        assert_eq!(profile("admin", true).await.login, Login::Other);
    }

    #[tokio::test]
    async fn each_login_kind_has_its_own_fix() {
        let failed = |code: &str, message: &str| {
            let cause = Cause { code: code.into(), message: message.into(), request_id: None };
            Error::failed("authenticate to AWS").cause(cause)
        };
        let next = async |name: &str, error: Error| {
            profile(name, false).await.explain(error).fix_command().unwrap_or_default().to_string()
        };
        let missing = || failed("", "no credentials could be loaded");
        assert!(next("admin", missing()).await.contains("export-credentials --profile admin"));
        assert!(next("sso", missing()).await.starts_with("aws sso login --profile sso"));
        assert!(next("sso", failed("ExpiredTokenException", "")).await.starts_with("aws sso login"));
        assert!(next("console", missing()).await.contains("export-credentials --profile console"));
        assert_eq!(next("keys", missing()).await, "");
        assert_eq!(next("admin", failed("", "connection refused")).await, "");
        assert_eq!(next("admin", failed("InvalidClientTokenId", "no")).await, "");
    }
}
