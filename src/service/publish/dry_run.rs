//! What a dry run would change on the server.

use super::Publisher;
use super::bundle::Entry;
use super::standing::{Found, Standing};
use super::trouble::Trouble;
use crate::service::difference::difference;

impl Publisher<'_> {
    /// The entries, field by field against what stands.
    pub(super) async fn would_change(
        &self,
        entries: &[Entry],
        observation: Option<&Standing>,
    ) -> Result<Vec<String>, Trouble> {
        let mut lines = Vec::new();
        for entry in entries {
            let before = match entry.written.kind {
                "Observation" => observation.map(|standing| standing.text.clone()),
                "Task" => match self.find(&self.own("Task", &entry.written.id)).await? {
                    Found::Standing(standing) => Some(standing.text),
                    Found::Nothing | Found::Deleted => None,
                },
                _ => None,
            };
            lines.push(format!("{}/{}", entry.written.kind, entry.written.id));
            lines.extend(
                difference(before.as_deref(), &entry.written.text)
                    .into_iter()
                    .map(|line| format!("  {line}")),
            );
        }
        Ok(lines)
    }
}
