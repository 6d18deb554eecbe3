//! Sending what a case needs, and finding out what became of it.

use super::Attempt;
use super::Publisher;
use super::address::{Places, referred, urn};
use super::answers::{Next, after_write};
use super::bundle::{Call, Condition, Entry, Request, bundle};
use super::dialect::{Delivery, Ids};
use super::standing::Found;
use super::target::Own;
use super::trouble::Trouble;
use super::waiting::Wait;
use crate::fhir::elements::Identifier;
use crate::fhir::json::Json;
use crate::service::client::{ClientError, EntryAnswer, Precondition};
use crate::service::store::WrittenVersion;

/// What follows where entries have not arrived, as far as can be seen.
pub(super) struct NotArrived {
    pub(super) then: Attempt,
    /// None of them has, for the server has refused them.
    is_certain: bool,
}

impl NotArrived {
    fn perhaps(then: Attempt) -> Self {
        Self {
            then,
            is_certain: false,
        }
    }
}

impl Publisher<'_> {
    /// What follows for a case whose entries have not arrived. An intent of which nothing can stand is over.
    pub(super) async fn after(
        &self,
        case_id: &str,
        missed: NotArrived,
    ) -> Result<Attempt, Trouble> {
        if missed.is_certain {
            self.store
                .clear_intent(case_id, &self.target.server)
                .await?;
        }
        Ok(missed.then)
    }

    /// Sends the entries; whatever the answer, only what stands on the server tells. `Err` of the result is what follows
    /// where they have not arrived.
    pub(super) async fn deliver(
        &self,
        entries: &[Entry],
    ) -> Result<Result<Vec<WrittenVersion>, NotArrived>, Trouble> {
        match self.target.dialect.delivery() {
            Delivery::Whole => self.deliver_whole(entries).await,
            Delivery::Singly => self.deliver_singly(entries).await,
        }
    }

    async fn deliver_whole(
        &self,
        entries: &[Entry],
    ) -> Result<Result<Vec<WrittenVersion>, NotArrived>, Trouble> {
        let requests = self.requests(entries).await?;
        match self.client.transaction(&bundle(&requests)).await {
            Ok(answers) => {
                for (entry, answer) in entries.iter().zip(&answers) {
                    self.note_answer(entry, answer).await?;
                }
                let answers = answers.into_iter().map(Some);
                Ok(Ok(written_versions(entries, answers)))
            }
            Err(error) => match after_write(&error) {
                Next::PassEnds => Err(Trouble::ending(&error)),
                Next::Torn(then) => Ok(Err(NotArrived::perhaps(then))),
                Next::ReadBack(then) => {
                    let arrived = self.has_arrived(entries, &error).await?;
                    Ok(if arrived {
                        Ok(written_versions(entries, entries.iter().map(|_| None)))
                    } else {
                        Err(NotArrived {
                            then,
                            is_certain: !error.leaves_open(),
                        })
                    })
                }
            },
        }
    }

    /// One by one, the result first: what an interruption leaves out is found missing by the next judgement.
    async fn deliver_singly(
        &self,
        entries: &[Entry],
    ) -> Result<Result<Vec<WrittenVersion>, NotArrived>, Trouble> {
        let mut answers = Vec::new();
        for entry in entries {
            // Addresses of what has just been created are known by now.
            let one = std::slice::from_ref(entry);
            let Some(request) = self.requests(one).await?.pop() else {
                return Err(Trouble::not_composable());
            };
            match self.send_alone(&request).await {
                Ok(answer) => {
                    self.note_answer(entry, &answer).await?;
                    if self.is_of_another(entry, &answer).await? {
                        return Ok(Err(NotArrived {
                            then: Attempt::Again("created-by-another", Wait::Backoff),
                            is_certain: answers.is_empty(),
                        }));
                    }
                    answers.push(Some(answer));
                }
                Err(error) => match after_write(&error) {
                    Next::PassEnds => return Err(Trouble::ending(&error)),
                    Next::Torn(then) => return Ok(Err(NotArrived::perhaps(then))),
                    Next::ReadBack(then) => {
                        if !self.has_arrived(one, &error).await? {
                            return Ok(Err(NotArrived {
                                then,
                                is_certain: answers.is_empty() && !error.leaves_open(),
                            }));
                        }
                        answers.push(None);
                    }
                },
            }
        }
        Ok(Ok(written_versions(entries, answers.into_iter())))
    }

    async fn send_alone(&self, request: &Request) -> Result<EntryAnswer, ClientError> {
        let Request { kind, text, call } = request;
        match call {
            Call::Put(id, precondition) => {
                self.client.put(kind, id, text, precondition.clone()).await
            }
            Call::Post { unless_exists, .. } => {
                self.client.create(kind, text, Some(unless_exists)).await
            }
        }
    }

    /// The entries as this server is to get them.
    async fn requests(&self, entries: &[Entry]) -> Result<Vec<Request>, Trouble> {
        let dialect = &self.target.dialect;
        let precondition = |condition: &Condition| match condition {
            Condition::New => Precondition::Absent,
            Condition::Version(tag) => Precondition::Version(tag.clone()),
            Condition::Immutable => Precondition::None,
        };
        if dialect.ids == Ids::Client {
            let put = |entry: &Entry| Request {
                kind: entry.written.kind,
                text: entry.written.text.clone(),
                call: Call::Put(entry.written.id.clone(), precondition(&entry.condition)),
            };
            return Ok(entries.iter().map(put).collect());
        }
        let places = self.places(entries).await?;
        let request = |entry: &Entry| {
            let own = self.own_of(entry)?;
            let tag = (own.mark.parameter == "_tag")
                .then_some((own.mark.system.as_str(), own.mark.value.as_str()));
            Some(Request {
                kind: entry.written.kind,
                text: places.put_in(&entry.written.text, &own.id, tag)?,
                call: match (places.id(&own.id), &entry.condition) {
                    (Some(id), condition) if *condition != Condition::New => {
                        Call::Put(id.to_owned(), precondition(condition))
                    }
                    _ => Call::Post {
                        full_url: urn(&own.id),
                        unless_exists: own.mark.criteria(),
                    },
                },
            })
        };
        let requests: Option<Vec<Request>> = entries.iter().map(request).collect();
        requests.ok_or_else(Trouble::not_composable)
    }

    /// Where everything is that these entries refer to.
    async fn places(&self, entries: &[Entry]) -> Result<Places, Trouble> {
        let mut places = Places::default();
        let own = entries.iter().map(|entry| entry.written.id.clone());
        let referred = entries
            .iter()
            .flat_map(|entry| referred(&entry.written.text));
        for id in own.chain(referred) {
            let kind = match id.get(..4) {
                Some("h2t-") => "Task",
                Some("h2p-") => "Provenance",
                _ => "Observation",
            };
            let server = &self.target.server;
            if let Some(address) = self.store.address(server, kind, &id).await? {
                places.on_server(&id, address);
            }
        }
        for entry in entries {
            let id = &entry.written.id;
            if !entry.condition.is_of_a_version() && places.id(id).is_none() {
                places.in_transaction(id);
            }
        }
        Ok(places)
    }

    /// What an entry can be found by.
    fn own_of(&self, entry: &Entry) -> Option<Own> {
        if entry.written.kind != "Observation" {
            return Some(self.own(entry.written.kind, &entry.written.id));
        }
        let json = Json::parse(&entry.written.text).ok()?;
        let system = self.rules.own_identifier_system();
        let identifiers = Identifier::read_all(&json);
        let of_case = identifiers
            .iter()
            .find(|found| found.system == Some(system.as_str()))?;
        Some(self.own_result(of_case.value))
    }

    /// Whether the server has found another writer's result instead of creating ours, or nobody can tell which. Else it is
    /// known from here on where the result is, which the entries after it refer to: not every server tells that of what it
    /// has found.
    async fn is_of_another(&self, entry: &Entry, answer: &EntryAnswer) -> Result<bool, Trouble> {
        let is_created = answer.status != 200 && answer.location.is_some();
        if entry.written.kind != "Observation"
            || self.target.dialect.ids == Ids::Client
            || entry.condition.is_of_a_version()
            || is_created
        {
            return Ok(false);
        }
        Ok(!self.stands_as_sent(entry).await?)
    }

    /// Remembers where the server has put a resource.
    async fn note_answer(&self, entry: &Entry, answer: &EntryAnswer) -> Result<(), Trouble> {
        let (kind, own_id) = (entry.written.kind, entry.written.id.as_str());
        let id = match self.target.dialect.ids {
            Ids::Client => Some(own_id),
            Ids::Server => (answer.location.as_deref()).and_then(|location| id_in(location, kind)),
        };
        match id {
            Some(id) => self.note_address(kind, own_id, id).await,
            None => Ok(()),
        }
    }

    /// Whether entries stand on the server as they were sent: by the result, else by all of the Tasks, else by all.
    /// Where only a search can tell, it is asked again until it must have seen the write.
    async fn has_arrived(&self, entries: &[Entry], error: &ClientError) -> Result<bool, Trouble> {
        let of_kind = |kind: &str| -> Vec<&Entry> {
            let kept = entries.iter().filter(|entry| entry.written.kind == kind);
            kept.collect()
        };
        let telling = [
            of_kind("Observation"),
            of_kind("Task"),
            entries.iter().collect(),
        ]
        .into_iter()
        .find(|entries| !entries.is_empty())
        .unwrap_or_default();
        let by_search = self.target.dialect.ids == Ids::Server
            && telling
                .iter()
                .any(|entry| !entry.condition.is_of_a_version());
        let looks = if by_search && error.leaves_open() {
            4
        } else {
            1
        };
        for look in 1..=looks {
            if look > 1 {
                self.clock.wait(self.target.index_lag / 3).await;
            }
            let mut all = !telling.is_empty();
            for entry in &telling {
                all = all && self.stands_as_sent(entry).await?;
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an entry stands: the same status and fingerprint, or for a Provenance, which has neither, at all.
    pub(super) async fn stands_as_sent(&self, entry: &Entry) -> Result<bool, Trouble> {
        let sent = Json::parse(&entry.written.text).map_err(|_| Trouble::not_composable())?;
        let own = self.own_of(entry).ok_or_else(Trouble::not_composable)?;
        let found = match self.find(&own).await? {
            Found::Standing(standing) => standing,
            Found::Deleted if entry.written.kind == "Observation" => {
                return Err(Trouble::deleted());
            }
            Found::Nothing | Found::Deleted => return Ok(false),
        };
        Ok(entry.written.kind == "Provenance" || found.is_what_was_sent(&sent, &self.rules.base))
    }
}

/// The entries as the local copy keeps them, with the versions that the server told.
fn written_versions(
    entries: &[Entry],
    answers: impl Iterator<Item = Option<EntryAnswer>>,
) -> Vec<WrittenVersion> {
    (entries.iter().zip(answers))
        .map(|(entry, answer)| WrittenVersion {
            kind: entry.written.kind.to_owned(),
            own_id: entry.written.id.clone(),
            version: answer.and_then(|answer| answer.etag),
            text: entry.written.text.clone(),
        })
        .collect()
}

/// The id in `Type/id`, `Type/id/_history/v` or a whole address that ends so.
pub(super) fn id_in<'l>(location: &'l str, kind: &str) -> Option<&'l str> {
    let segments: Vec<&str> = location.split('/').collect();
    let at = segments.iter().rposition(|segment| *segment == kind)?;
    segments.get(at + 1).copied().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_read_from_any_form_of_a_location() {
        for location in [
            "Observation/7",
            "Observation/7/_history/1",
            "https://a.example/fhir/Observation/7/_history/1",
            "/fhir/Observation/7",
        ] {
            assert_eq!(id_in(location, "Observation"), Some("7"), "{location}");
        }
        assert_eq!(id_in("Patient/7", "Observation"), None);
        assert_eq!(
            id_in("https://a.example/fhir/Observation/", "Observation"),
            None
        );
    }
}
