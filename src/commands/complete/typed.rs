//! Which cluster, region and profile the command line names that is being typed. Pure, but for [`Typed::now`].

use std::path::Path;

/// What is typed, else what the environment and the settings file say. Region and profile of the environment are left
/// to the SDK.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub cluster: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    pub profile_is_flag: bool,
}

impl Typed {
    pub(super) fn now() -> Self {
        let file = std::fs::read_to_string(Path::new("eni-custom.toml")).unwrap_or_default();
        // The shell's script passes the words after `--`.
        let words = std::env::args().skip_while(|word| word != "--").skip(1).collect::<Vec<_>>();
        Typed::of(&words, |name| std::env::var(name).ok(), &file)
    }

    fn of(words: &[String], variable: impl Fn(&str) -> Option<String>, file: &str) -> Self {
        let file: toml::Table = file.parse().unwrap_or_default();
        let flag = |long: &str, short: Option<&str>| {
            let next = |at: usize| words.get(at + 1).filter(|word| !word.starts_with('-')).cloned();
            let value = |(at, word): (usize, &String)| match word.strip_prefix(long) {
                Some("") => next(at),
                Some(rest) => rest.strip_prefix('=').map(Into::into),
                None if Some(word.as_str()) == short => next(at),
                None => None,
            };
            words.iter().enumerate().find_map(value).filter(|value| !value.is_empty())
        };
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let kept = |key: &str| file.get(key).and_then(toml::Value::as_str).map(ToString::to_string);
        let profile = flag("--profile", None);
        Typed {
            cluster: flag("--cluster", Some("-c"))
                .or_else(|| set("ENI_CUSTOM_CLUSTER"))
                .or_else(|| kept("cluster")),
            region: flag("--region", None).or_else(|| set("AWS_REGION")).or_else(|| kept("region")),
            profile_is_flag: profile.is_some(),
            profile: profile.or_else(|| set("AWS_PROFILE")).or_else(|| kept("profile")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str, variables: &[(&str, &str)], file: &str) -> Typed {
        let words: Vec<String> = line.split(' ').map(Into::into).collect();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        };
        Typed::of(&words, variable, file)
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = "cluster = \"filed\"\nregion = \"eu-west-1\"\n";
        let found =
            typed("eni-custom plan -c shop --profile=dev --region", &[("AWS_REGION", "us-east-1")], file);
        assert_eq!(found.cluster.as_deref(), Some("shop"));
        assert_eq!(found.region.as_deref(), Some("us-east-1"));
        assert_eq!((found.profile.as_deref(), found.profile_is_flag), (Some("dev"), true));
        let found = typed("eni-custom plan --cluster --pool", &[("AWS_PROFILE", "ops")], file);
        assert_eq!((found.cluster.as_deref(), found.region.as_deref()), (Some("filed"), Some("eu-west-1")));
        assert_eq!((found.profile.as_deref(), found.profile_is_flag), (Some("ops"), false));
        assert_eq!(typed("eni-custom plan", &[], "not = [toml"), Typed::default());
    }
}
