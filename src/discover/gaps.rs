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
            Err(error) if self.reading == Reading::Partial => self.note(part, error),
            other => other,
        }
    }

    /// A part that no change rests on.
    pub async fn read_if_allowed<T: Default>(
        &self,
        part: Part,
        read: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match read.await {
            Err(error) => self.note(part, error),
            read => read,
        }
    }

    /// A service that answers no has a code for it; one that can't be reached has not, and then nothing can be read.
    fn note<T: Default>(&self, part: Part, error: Error) -> Result<T> {
        let cause = error.reason().filter(|cause| !cause.code.is_empty()).map(ToString::to_string);
        let Some(cause) = cause else { return Err(error) };
        if let Ok(mut unread) = self.unread.lock() {
            unread.insert(part, cause);
        }
        Ok(T::default())
    }

    pub fn unread(self) -> BTreeMap<Part, String> {
        self.unread.into_inner().unwrap_or_default()
    }
}
