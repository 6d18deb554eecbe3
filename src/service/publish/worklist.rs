//! The Tasks of a case: new ones, changed ones, and earlier ones that nothing asks for any more.

use std::collections::{BTreeMap, BTreeSet};

use super::Publisher;
use super::bundle::{Condition, Entry};
use super::dialect::Ids;
use super::standing::{Found, Standing};
use super::target::Mark;
use super::trouble::Trouble;
use crate::fhir::elements::Concept;
use crate::fhir::json::Json;
use crate::mapping::terminology::FINAL_CHANGED;
use crate::pipeline::results::{Resources, Written, fingerprint_of, identifier_of, revised};
use crate::pipeline::sign_off::Flaw;
use crate::pipeline::worklist::{Asked, CANCELLED, input_in};

/// Why the adapter closes a Task of its own.
const CLOSED_BY_US: &str = "the question no longer stands";

impl Publisher<'_> {
    /// The Tasks to write: new and changed ones, and earlier ones of the case that nothing asks for any more. None when
    /// the worklist stands as it should. What was answered in a way that cannot count is asked again, and the reason said.
    pub(super) async fn worklist(
        &self,
        case_id: &str,
        resources: &Resources,
        again: Option<Flaw>,
    ) -> Result<Vec<Entry>, Trouble> {
        let mut entries = Vec::new();
        for task in &resources.tasks {
            let is_sign_off = resources.sign_off.as_ref() == Some(&task.id);
            let mut again = again.filter(|_| is_sign_off);
            let condition = match self.find(&self.own("Task", &task.id)).await? {
                Found::Nothing => Condition::New,
                // A person's deletion is not undone.
                Found::Deleted => continue,
                Found::Standing(standing) => {
                    let is_answered = !standing.is_open() && !self.is_closed_by_us(&standing);
                    // A result that was withdrawn and stands again waits for a signature of the version that is written now.
                    if is_sign_off && is_answered && resources.observation.is_some() {
                        again = Some(Flaw::OtherVersion);
                    }
                    if again.is_none() && self.still_asks(&standing, task) {
                        continue;
                    }
                    standing.unchanged()?
                }
            };
            let mut written = task.clone();
            if let Some(flaw) = again {
                let reason = self.publishing.release.status_reason(flaw.words());
                written.text = revised(&written.text, &[("statusReason", &reason)])
                    .ok_or_else(Trouble::not_composable)?;
            }
            entries.push(Entry { written, condition });
        }
        for earlier in self.earlier_tasks(case_id).await? {
            if !resources.tasks.iter().any(|task| task.id == earlier) {
                entries.extend(self.closed(&earlier).await?);
            }
        }
        Ok(entries)
    }

    /// Whether a Task is about this evidence and has not been closed by us meanwhile. One that a person has closed is
    /// answered, so it is left alone, unless an order was cancelled anew after that.
    fn still_asks(&self, standing: &Standing, asked: &Written) -> bool {
        let (Ok(stands), Ok(asks)) = (Json::parse(&standing.text), Json::parse(&asked.text)) else {
            return false;
        };
        let is_of_this_evidence =
            fingerprint_of(&asks, &self.rules.base) == standing.fingerprint.as_deref();
        let is_of_this_cancellation = input_in(&stands, CANCELLED) == input_in(&asks, CANCELLED);
        is_of_this_evidence
            && (standing.is_open() || is_of_this_cancellation)
            && !self.is_closed_by_us(standing)
    }

    /// What a person is still asked about the case beside the signature: the ids of Tasks, each with its reason.
    pub(super) async fn open_questions(
        &self,
        resources: &Resources,
    ) -> Result<Vec<String>, Trouble> {
        let mut open = Vec::new();
        let is_question = |task: &&Written| resources.sign_off.as_ref() != Some(&task.id);
        for task in resources.tasks.iter().filter(is_question) {
            match self.find(&self.own("Task", &task.id)).await? {
                Found::Standing(standing) if !standing.is_open() => {}
                Found::Deleted => {}
                Found::Standing(_) | Found::Nothing => {
                    let asked = Json::parse(&task.text).ok();
                    let asked = asked.and_then(|task| Asked::read(&task, &self.rules.base));
                    let reason = asked.map(|asked| asked.reason).unwrap_or_default();
                    open.push(format!("{} ({reason})", task.id));
                }
            }
        }
        Ok(open)
    }

    fn is_closed_by_us(&self, standing: &Standing) -> bool {
        let ours = self.publishing.release.status_reason(CLOSED_BY_US);
        let is_our_reason = |task: &Json<'_>| {
            let stated = task.get("statusReason").map(serde_json::to_string);
            stated.is_some_and(|stated| stated.is_ok_and(|stated| stated == ours))
        };
        standing.status == "cancelled"
            && Json::parse(&standing.text).is_ok_and(|task| is_our_reason(&task))
    }

    /// The Tasks of a case that were written before: those of our own memory, since a search may lag behind, and those that
    /// the server finds, since another writer may have asked.
    pub(super) async fn earlier_tasks(&self, case_id: &str) -> Result<BTreeSet<String>, Trouble> {
        let known = self.store.published(case_id).await?;
        let known = known.map(|published| published.task_ids);
        let mut earlier: BTreeSet<String> = known.unwrap_or_default().into_iter().collect();
        for (id, found) in self.tasks_of(case_id).await? {
            // Two writers may have asked at one moment, where the server gives ids.
            if found.len() > 1 && self.target.dialect.ids == Ids::Server {
                self.keep_one(&self.own("Task", &id), found).await?;
            }
            earlier.insert(id);
        }
        Ok(earlier)
    }

    /// The Tasks of a case that a search finds, by their own ids.
    pub(super) async fn tasks_of(
        &self,
        case_id: &str,
    ) -> Result<BTreeMap<String, Vec<Standing>>, Trouble> {
        let of_case = Mark {
            parameter: "identifier",
            system: format!("{}/identifier/her2-case", self.rules.base),
            value: case_id.to_owned(),
        };
        let mut tasks: BTreeMap<String, Vec<Standing>> = BTreeMap::new();
        for task in self.search_all("Task", &of_case).await? {
            let own_id = Json::parse(&task.text).ok().and_then(|json| {
                identifier_of(&json, &self.rules.base, "her2-task").map(str::to_owned)
            });
            let own_id = own_id.unwrap_or_else(|| task.server_id.clone());
            tasks.entry(own_id).or_default().push(task);
        }
        Ok(tasks)
    }

    /// An open Task, closed by the adapter; nothing for one that is closed or deleted.
    pub(super) async fn closed(&self, id: &str) -> Result<Option<Entry>, Trouble> {
        let Found::Standing(standing) = self.find(&self.own("Task", id)).await? else {
            return Ok(None);
        };
        // Those who relied on a result are told, whatever becomes of it.
        if !standing.is_open() || is_notice(&standing) {
            return Ok(None);
        }
        let reason = self.publishing.release.status_reason(CLOSED_BY_US);
        let text = revised(
            &standing.text,
            &[("status", "\"cancelled\""), ("statusReason", &reason)],
        )
        .ok_or_else(Trouble::not_composable)?;
        Ok(Some(Entry {
            written: Written {
                kind: "Task",
                id: id.to_owned(),
                text,
            },
            condition: standing.unchanged()?,
        }))
    }
}

/// Whether a Task tells of a change and asks nothing.
fn is_notice(task: &Standing) -> bool {
    Json::parse(&task.text).is_ok_and(|task| {
        let code = task.get("code").map(Concept::read).unwrap_or_default();
        (code.codings.iter()).any(|coding| coding.code == Some(FINAL_CHANGED))
    })
}
