//! Which cluster: profile, region and name, each found or chosen from a list.

use crate::aws::profile_names;
use crate::error::{Error, Result};
use crate::net::regions::REGIONS;
use crate::run::{self, Clusters};
use crate::settings::{Origin, Settings, TargetSettings};
use crate::text::counted;
use crate::ui::{Answer, Prompt, Question};

/// The settings with a cluster. What is given, or the only one there is, is not asked for.
pub(crate) async fn choose(settings: Settings, prompt: &Prompt) -> Result<Settings> {
    if settings.target.cluster.is_some() {
        return Ok(settings);
    }
    let mut settings = profile(settings, prompt).await?;
    let mut back = false;
    loop {
        let Some(Clusters { region: name, names }) = run::clusters(&settings).await? else {
            settings = region(settings, prompt)?;
            back = true;
            continue;
        };
        let cluster = match &names[..] {
            [] => {
                return Err(Error::refused(format!("there are no EKS clusters in {name}"))
                    .at(format!("region {name}"))
                    .fix("eni-custom setup --region REGION --profile NAME"));
            }
            [only] => {
                prompt.say(&format!("The only cluster in {name}: {only}"));
                Answer::Is(only.clone())
            }
            many => cluster(many, &name, back, prompt)?,
        };
        match cluster {
            Answer::Is(name) => return Ok(given(settings, "cluster", |target| target.cluster = Some(name))),
            Answer::Back => settings = region(settings, prompt)?,
        }
    }
}

/// Asked only where the environment has no credentials, no profile is the default one, and there are several.
async fn profile(settings: Settings, prompt: &Prompt) -> Result<Settings> {
    let mut names = profile_names().await;
    names.sort_unstable();
    let is_found = settings.target.profile.is_some()
        || ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
            .iter()
            .any(|name| std::env::var_os(name).is_some())
        || names.iter().any(|name| name == "default");
    match &names[..] {
        _ if is_found => Ok(settings),
        [] => Ok(settings),
        [only] => {
            prompt.say(&format!("The only AWS profile: {only}"));
            let only = only.clone();
            Ok(given(settings, "profile", |target| target.profile = Some(only)))
        }
        many => {
            let question = Question {
                ask: "AWS profile".into(),
                why: format!(
                    "{} in ~/.aws/config, none of them the default.",
                    counted(many.len(), "profile")
                ),
                ..Question::default()
            };
            match prompt.choose(&question, many, 0)? {
                Answer::Is(at) => {
                    let name = many.get(at).cloned();
                    Ok(given(settings, "profile", |target| target.profile = name))
                }
                Answer::Back => Ok(settings),
            }
        }
    }
}

fn region(settings: Settings, prompt: &Prompt) -> Result<Settings> {
    let items: Vec<String> = REGIONS.iter().map(|(name, place)| format!("{name:16}{place}")).collect();
    let question = Question {
        ask: "AWS region".into(),
        why: "Neither AWS_REGION nor the profile says which. Type a part of the name.".into(),
        ..Question::default()
    };
    let default = REGIONS.iter().position(|(name, _)| *name == "us-east-1").unwrap_or_default();
    match prompt.choose(&question, &items, default)? {
        Answer::Is(at) => {
            let name = REGIONS.get(at).map(|(name, _)| name.to_string());
            Ok(given(settings, "region", |target| target.region = name))
        }
        Answer::Back => Ok(settings),
    }
}

fn cluster(names: &[String], region: &str, back: bool, prompt: &Prompt) -> Result<Answer<String>> {
    let question = Question {
        ask: "Cluster".into(),
        why: format!("{} in {region}. Type a part of the name.", counted(names.len(), "cluster")),
        back,
        ..Question::default()
    };
    Ok(match prompt.choose(&question, names, 0)? {
        Answer::Is(at) => Answer::Is(names.get(at).cloned().unwrap_or_default()),
        Answer::Back => Answer::Back,
    })
}

/// The settings with an answer, which counts like a flag.
fn given(mut settings: Settings, flag: &str, change: impl FnOnce(&mut TargetSettings)) -> Settings {
    change(&mut settings.target);
    settings.origins.insert(flag.into(), Origin::Flag);
    settings
}
