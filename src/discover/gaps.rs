//! Facts that can't be read because a permission is missing.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::facts::Part;

/// What happens if a part can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The run stops: changes need all facts.
    Whole,
    /// The part is skipped and noted: read-only commands report what they could not read.
    Partial,
}

/// Collects the parts that could not be read.
pub(super) struct Gaps {
    reading: Reading,
    unread: Mutex<BTreeMap<Part, String>>,
}

impl Gaps {
    pub(super) fn new(reading: Reading) -> Self {
        Gaps { reading, unread: Mutex::default() }
    }

    pub(super) async fn read<T: Default>(
        &self,
        part: Part,
        read: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match read.await {
            Err(error) if self.reading == Reading::Partial && self.note(part, &error) => Ok(T::default()),
            read => read,
        }
    }

    /// Returns false for an error without a code: then the service could not be reached and nothing can be read.
    pub(super) fn note(&self, part: Part, error: &Error) -> bool {
        let cause = error.reason().filter(|cause| !cause.code.is_empty()).map(ToString::to_string);
        let (Some(cause), Ok(mut unread)) = (cause, self.unread.lock()) else { return false };
        unread.insert(part, cause);
        true
    }

    pub(super) fn unread(self) -> BTreeMap<Part, String> {
        self.unread.into_inner().unwrap_or_default()
    }
}
