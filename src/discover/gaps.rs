//! What permissions keep from us, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::facts::Part;

/// What becomes of a part that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The run ends: what is changed rests on all facts.
    Whole,
    /// It is left out, and noted: what only looks says what it could not see.
    Partial,
}

/// Notes what could not be read.
pub(super) struct Gaps {
    reading: Reading,
    unread: Mutex<BTreeMap<Part, String>>,
}

impl Gaps {
    pub fn new(reading: Reading) -> Self {
        Gaps { reading, unread: Mutex::default() }
    }

    pub async fn read<T: Default>(&self, part: Part, read: impl Future<Output = Result<T>>) -> Result<T> {
        match read.await {
            Err(error) if self.reading == Reading::Partial && self.note(part, &error) => Ok(T::default()),
            read => read,
        }
    }

    /// A service that answers no has a code for it; one that can't be reached has not, and then nothing can be read.
    pub fn note(&self, part: Part, error: &Error) -> bool {
        let cause = error.reason().filter(|cause| !cause.code.is_empty()).map(ToString::to_string);
        let (Some(cause), Ok(mut unread)) = (cause, self.unread.lock()) else { return false };
        unread.insert(part, cause);
        true
    }

    pub fn unread(self) -> BTreeMap<Part, String> {
        self.unread.into_inner().unwrap_or_default()
    }
}
