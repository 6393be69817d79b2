//! Log groups and annotations of GitHub Actions and GitLab CI. Both read them on stderr as on stdout: the runner of GitHub
//! hands each line of either stream to the same parser, and GitLab's job log is one stream.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::issue::{Issue, Severity};

use super::issue;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    GitHub,
    GitLab,
}

impl Service {
    /// Each service sets a variable of its own to `true` in all its jobs.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_true = |name| variable(name).is_some_and(|value| value == "true");
        match (is_true("GITHUB_ACTIONS"), is_true("GITLAB_CI")) {
            (true, _) => Some(Service::GitHub),
            (_, true) => Some(Service::GitLab),
            _ => None,
        }
    }
}

/// The log of a job. All clones share the open group.
#[derive(Clone)]
pub(super) struct JobLog {
    service: Service,
    now: fn() -> u64,
    /// The name of the open group.
    open: Arc<Mutex<Option<String>>>,
}

impl JobLog {
    /// `None` outside of these services.
    pub(super) fn of_environment() -> Option<Self> {
        Service::of(|name| std::env::var(name).ok()).map(|service| JobLog::new(service, unix_seconds))
    }

    fn new(service: Service, now: fn() -> u64) -> Self {
        JobLog { service, now, open: Arc::default() }
    }

    /// Starts a group with this title. Neither service nests groups reliably, so an open one ends.
    pub(super) fn open(&self, title: &str) -> String {
        let ended = self.close();
        let Ok(mut open) = self.open.lock() else { return ended };
        let started = (self.now)();
        // GitLab accepts letters, digits, `_`, `.` and `-`, and a name once in a log.
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let name: String = title.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
        let name = format!("eni-custom{name}.{started}");
        let line = match self.service {
            Service::GitHub => format!("::group::{}\n", data(title)),
            Service::GitLab => {
                format!("\x1b[0Ksection_start:{started}:{name}[collapsed=true]\r\x1b[0K{title}\n")
            }
        };
        *open = Some(name);
        ended + &line
    }

    /// Ends the open group; empty if there is none.
    pub(super) fn close(&self) -> String {
        let Ok(mut open) = self.open.lock() else { return String::new() };
        match (open.take(), self.service) {
            (None, _) => String::new(),
            (Some(_), Service::GitHub) => "::endgroup::\n".into(),
            (Some(name), Service::GitLab) => {
                format!("\x1b[0Ksection_end:{}:{name}\r\x1b[0K\n", (self.now)())
            }
        }
    }

    /// An issue as an annotation, which the service also shows on the page of the run. `None` if the service has none.
    pub(super) fn issue(&self, found: &Issue) -> Option<String> {
        let level = match found.severity() {
            Severity::Error => "error",
            Severity::Unknown | Severity::Warning => "warning",
            Severity::Note | Severity::Passed => return None,
        };
        let text = issue::text(found, false);
        // The level says the severity.
        let text = text.split_once(' ').map_or(text.as_str(), |(_, rest)| rest);
        self.annotation(level, &format!("eni-custom {}", found.id), text)
    }

    /// An error as an annotation. `text` begins with `error: `.
    pub(super) fn error(&self, text: &str) -> Option<String> {
        self.annotation("error", "eni-custom", text.trim_start_matches("error: "))
    }

    fn annotation(&self, level: &str, title: &str, text: &str) -> Option<String> {
        match self.service {
            Service::GitHub => {
                Some(format!("::{level} title={}::{}\n", property(title), data(text.trim_end())))
            }
            Service::GitLab => None,
        }
    }
}

/// The message of a workflow command, escaped as the runner of GitHub reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::issue::id;

    use super::*;

    fn log(service: Service) -> JobLog {
        JobLog::new(service, || 1_700_000_000)
    }

    #[test]
    fn a_service_is_known_by_its_variable() {
        let of = |name: &str, value: &str| Service::of(|asked| (asked == name).then(|| value.to_string()));
        assert_eq!(of("GITHUB_ACTIONS", "true"), Some(Service::GitHub));
        assert_eq!(of("GITLAB_CI", "true"), Some(Service::GitLab));
        assert_eq!((of("CI", "true"), of("GITLAB_CI", "false")), (None, None));
    }

    #[test]
    fn each_step_is_a_group_of_github() {
        let log = log(Service::GitHub);
        assert_eq!(log.open("[1/9] associate-cidr"), "::group::[1/9] associate-cidr\n");
        assert_eq!(log.open("[2/9] 100 %"), "::endgroup::\n::group::[2/9] 100 %25\n");
        assert_eq!((log.close().as_str(), log.close().as_str()), ("::endgroup::\n", ""));
    }

    #[test]
    fn each_step_is_a_section_of_gitlab() {
        let log = log(Service::GitLab);
        let name = "eni-custom_1_9__associate-cidr.1700000000";
        assert_eq!(
            log.open("[1/9] associate-cidr"),
            format!("\x1b[0Ksection_start:1700000000:{name}[collapsed=true]\r\x1b[0K[1/9] associate-cidr\n")
        );
        // Another part of the program ends it.
        assert_eq!(log.clone().close(), format!("\x1b[0Ksection_end:1700000000:{name}\r\x1b[0K\n"));
        assert_eq!(log.close(), "");
    }

    #[test]
    fn an_annotation_is_one_line_whatever_its_text() {
        let issue = Issue::warning(id::CNI_007, "the add-on is 50 %\r\nDEGRADED").at("a:b,c");
        assert_eq!(
            log(Service::GitHub).issue(&issue).unwrap(),
            "::warning title=eni-custom EC-CNI-007::EC-CNI-007: the add-on is 50 %25%0D%0ADEGRADED%0A  where  a:b,c%0A  \
             more   docs/checks.md#ec-cni-007\n"
        );
        assert_eq!(property("a: b, 5 %"), "a%3A b%2C 5 %25");
        assert_eq!(
            log(Service::GitHub).error("error: it failed\n  why  a\n").unwrap(),
            "::error title=eni-custom::it failed%0A  why  a\n"
        );
        let quiet = Issue::note(id::NET_015, "nothing");
        assert_eq!((log(Service::GitHub).issue(&quiet), log(Service::GitLab).issue(&issue)), (None, None));
    }
}
