//! What a run called, when, and what came back: for `--log`, `-v` and `doctor --bundle`.
//!
//! Only this program's own lines are kept. The SDKs' traces hold headers and bodies, and with them tokens.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::error::{Error, Result};

/// Lines that are kept in memory for `doctor --bundle`.
const KEPT: usize = 1000;

static RECENT: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Where lines go.
#[derive(Clone)]
struct Sinks {
    file: Option<Arc<File>>,
    stderr: bool,
    memory: bool,
}

impl Write for Sinks {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.memory {
            let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() == KEPT {
                recent.pop_front();
            }
            recent.push_back(String::from_utf8_lossy(line).into_owned());
        }
        if let Some(mut file) = self.file.as_deref() {
            file.write_all(line)?;
        }
        if self.stderr {
            io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sinks {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Writes lines to the end of a file, to stderr with `verbose`, and keeps the last ones with `bundled`. Without any of
/// these no line is made.
///
/// # Errors
/// The file can't be opened.
pub(crate) fn start(path: Option<&Path>, verbose: bool, bundled: bool) -> Result<()> {
    if path.is_none() && !verbose && !bundled {
        return Ok(());
    }
    let open = |path: &Path| {
        OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
            Error::usage("the log file can't be opened").at(path.display().to_string()).because(error)
        })
    };
    let file = path.map(open).transpose()?.map(Arc::new);
    let lines = fmt::layer()
        .with_writer(Sinks { file, stderr: verbose, memory: bundled })
        .with_ansi(false)
        .with_target(false)
        .with_level(false)
        .with_filter(Targets::new().with_target("eni_custom", Level::INFO));
    // Where a test has set one already, that one stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    Ok(())
}

/// The last lines, the oldest first.
pub(crate) fn recent() -> String {
    RECENT.lock().unwrap_or_else(PoisonError::into_inner).iter().map(String::as_str).collect()
}
