//! What fits into a comment.

/// GitHub accepts comments of up to 65,536 characters, GitLab of up to 1,000,000. Bytes are counted, of which there are at
/// least as many.
pub(super) const LIMIT: usize = 65_536;

/// The space that is left in a comment.
pub(super) struct Space(usize);

impl Space {
    /// What is left beside a text that is always shown.
    pub(super) fn beside(fixed: usize) -> Self {
        // For the sentences that say what is left out.
        const SENTENCES: usize = 1_000;
        Space(LIMIT.saturating_sub(fixed + SENTENCES))
    }

    /// The first items that fit into a share of the space, one in `share`, and the number of the others.
    pub(super) fn fill(&mut self, items: Vec<String>, share: usize) -> (String, usize) {
        let mut left = self.0 / share;
        let (mut out, mut taken) = (String::new(), 0);
        for item in &items {
            let Some(rest) = left.checked_sub(item.len()) else { break };
            left = rest;
            out.push_str(item);
            taken += 1;
        }
        self.0 -= out.len();
        (out, items.len() - taken)
    }
}
