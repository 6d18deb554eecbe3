//! Whether what stands on the server is what the words of a cell say.

use std::collections::BTreeMap;

use her2_adapter::pipeline::lifecycle::ResultState;
use serde_json::Value;

use super::Server;
use super::scenes::{Place, Scene};
use super::sources::Evidence;

const IHC_SCORE: &str = "85319-2";

/// What the adapter has left on the server of a scene.
#[derive(Debug)]
pub struct Standing {
    /// The versions of the result of the case, the oldest first.
    versions: Vec<Value>,
    /// Those of the results of other cases.
    elsewhere: Vec<Vec<Value>>,
    /// The Provenances of the result of the case.
    provenances: Vec<Value>,
    /// The Tasks about the patients.
    tasks: Vec<Value>,
    /// Results that are where none belongs.
    strays: Vec<String>,
}

impl Standing {
    pub async fn of(scene: &Scene, server: &impl Server) -> Self {
        let mut standing = Self {
            versions: Vec::new(),
            elsewhere: Vec::new(),
            provenances: Vec::new(),
            tasks: Vec::new(),
            strays: Vec::new(),
        };
        for patient in &scene.patients {
            for result in server.about("Observation", patient).await {
                if identifier(&result, "her2-status").is_none() {
                    continue;
                }
                let key = format!("Observation/{}", text(&result["id"]));
                let versions = server.history(&key).await;
                if is_at(&result, &scene.home) {
                    if !standing.versions.is_empty() {
                        standing.strays.push(format!("a second result: {key}"));
                    }
                    standing.versions = versions;
                    standing.provenances = server.provenances(&key).await;
                } else if is_at(&result, &scene.elsewhere) {
                    standing.elsewhere.push(versions);
                } else {
                    standing
                        .strays
                        .push(format!("a result of neither case: {result}"));
                }
            }
            standing.tasks.extend(server.about("Task", patient).await);
        }
        standing
    }

    /// The version of the result that stands.
    pub fn result(&self) -> Option<&Value> {
        self.versions.last()
    }

    /// The open Tasks that ask for a signature of the result.
    pub fn sign_offs(&self) -> Vec<&Value> {
        self.open("sign-off", false)
    }

    /// Open Tasks of one kind, about the case or about others.
    fn open(&self, kind: &str, elsewhere: bool) -> Vec<&Value> {
        let others: Vec<&str> = (self.elsewhere.iter().flatten())
            .filter_map(|result| identifier(result, "her2-status"))
            .collect();
        (self.tasks.iter())
            .filter(|task| {
                let case = identifier(task, "her2-case").unwrap_or("");
                task["status"] == "requested"
                    && codes(&task["code"]).contains(&kind)
                    && others.contains(&case) == elsewhere
            })
            .collect()
    }

    /// What the scene has against its beginning: the result has come as far as the cell says, and nobody is asked anything
    /// but to sign it.
    pub fn is_as_far_as(&self, scene: &Scene) -> Vec<String> {
        let mut wrong = self.strays.clone();
        let status = self.result().map(|result| text(&result["status"]));
        let expected = match scene.state {
            ResultState::NeverWritten => None,
            ResultState::Preliminary => Some("preliminary"),
            ResultState::Final => Some("final"),
            ResultState::Amended => Some("amended"),
            ResultState::EnteredInError => Some("entered-in-error"),
        };
        if status != expected {
            wrong.push(format!("it begins {status:?}"));
        }
        let to_sign = usize::from(matches!(status, Some("preliminary" | "amended")));
        let (asked, asked_else) = (self.sign_offs().len(), self.open("review", false).len());
        if (asked, asked_else) != (to_sign, 0) {
            wrong.push(format!(
                "it begins with {asked} open Tasks to sign and {asked_else} other questions"
            ));
        }
        if !self.elsewhere.is_empty() {
            wrong.push("it begins with a result of the other case".to_owned());
        }
        wrong
    }

    /// Every resource of the adapter with its version.
    pub fn written(&self) -> BTreeMap<String, String> {
        (self.versions.iter().chain(self.elsewhere.iter().flatten()))
            .chain(&self.provenances)
            .chain(&self.tasks)
            .map(|resource| {
                let key = format!(
                    "{}/{}",
                    text(&resource["resourceType"]),
                    text(&resource["id"])
                );
                (key, text(&resource["meta"]["versionId"]).to_owned())
            })
            .collect()
    }
}

/// What the words of a cell promise of the server.
#[derive(Debug, Default)]
struct Promise {
    /// The status of the one version that is written, if one is.
    version: Option<&'static str>,
    is_first: bool,
    /// The version before it was withdrawn.
    returns: bool,
    /// It has no status any more.
    is_unresolved: bool,
    to_sign: bool,
    asks: bool,
    announced: bool,
    other_begins: bool,
}

/// Reads the words of a cell; a phrase that is not known is a fault of the judge.
fn promise(words: &str) -> Promise {
    let mut promise = Promise::default();
    for phrase in words.split("; ") {
        match phrase {
            "nothing" => {}
            "first version, preliminary" => {
                promise.version = Some("preliminary");
                promise.is_first = true;
            }
            "further version, preliminary" => promise.version = Some("preliminary"),
            "stands again, preliminary" => {
                promise.version = Some("preliminary");
                promise.returns = true;
            }
            "amended" => promise.version = Some("amended"),
            "corrected" => promise.version = Some("corrected"),
            "amended to unresolved" => {
                promise.version = Some("amended");
                promise.is_unresolved = true;
            }
            "entered-in-error" => promise.version = Some("entered-in-error"),
            "to be signed" | "to be signed again" => promise.to_sign = true,
            "a person is asked" => promise.asks = true,
            "announced" => promise.announced = true,
            "the other case begins" => promise.other_begins = true,
            unknown => panic!("nobody knows how to judge {unknown:?}"),
        }
    }
    promise
}

/// What is to be said against the words of a cell, where this stood before the event and this after it.
pub fn judge(words: &str, scene: &Scene, before: &Standing, after: &Standing) -> Vec<String> {
    let promise = promise(words);
    let mut wrong = after.strays.clone();
    let mut holds = |is_so: bool, what: String| {
        if !is_so {
            wrong.push(format!("{what} (the table: {words})"));
        }
    };

    // The versions of the result.
    let (earlier, now) = (&before.versions, &after.versions);
    let is_kept_so_far = now.starts_with(earlier);
    holds(is_kept_so_far, "an earlier version has changed".to_owned());
    let written: Vec<&str> = (now.iter().skip(earlier.len()))
        .map(|version| text(&version["status"]))
        .collect();
    let promised: Vec<&str> = promise.version.into_iter().collect();
    holds(
        written == promised,
        format!("versions written: {written:?}"),
    );
    let is_first = earlier.is_empty() && !now.is_empty();
    holds(
        is_first == promise.is_first,
        format!("a first version: {is_first}"),
    );

    let was_withdrawn = earlier
        .last()
        .is_some_and(|version| version["status"] == "entered-in-error");
    let returns = was_withdrawn && promise.version.is_some();
    holds(
        returns == promise.returns,
        format!("it was withdrawn before: {was_withdrawn}"),
    );

    // What the version that stands says.
    if let Some(result) = after.result() {
        let is_unresolved = codes(&result["valueCodeableConcept"]).contains(&"insufficient");
        holds(
            is_unresolved == promise.is_unresolved,
            format!("it is unresolved: {is_unresolved}"),
        );
        let has_value = result["valueCodeableConcept"]["coding"].is_array();
        holds(has_value, "it has no value".to_owned());
        let interpretation = result["interpretation"].is_array();
        holds(
            interpretation != promise.is_unresolved,
            format!("it has an interpretation: {interpretation}"),
        );
        let [said_before, says_now] = scene.answers;
        match text(&result["status"]) {
            "entered-in-error" => {
                // A result that was withdrawn before the event keeps what it said then, too.
                let kept = ["valueCodeableConcept", "interpretation", "component"];
                let ends = now.iter().rev().nth(1);
                let is_kept = ends.is_some_and(|ends| {
                    kept.iter()
                        .all(|element| ends[*element] == result[*element])
                });
                holds(is_kept, "its value is not kept".to_owned());
                holds(
                    score(result) == Some(said_before),
                    format!("it ends as {:?}", score(result)),
                );
            }
            _ if promise.is_unresolved => {}
            _ => holds(
                score(result) == Some(says_now),
                format!("it says {:?}, its source {says_now}", score(result)),
            ),
        }
    }

    // Who is asked, and what.
    let sign_offs = after.sign_offs();
    let status = after.result().map(|result| text(&result["status"]));
    let waits =
        matches!(status, Some("preliminary" | "amended" | "corrected")) && !promise.is_unresolved;
    holds(
        sign_offs.len() == usize::from(waits),
        format!("{} open Tasks to sign it", sign_offs.len()),
    );
    holds(
        !promise.to_sign || waits,
        "nothing is to be signed".to_owned(),
    );
    for task in sign_offs {
        let result = after.result().unwrap_or(&Value::Null);
        let is_about = text(&task["focus"]["reference"])
            .ends_with(&format!("Observation/{}", text(&result["id"])));
        let is_of_it =
            identifier(task, "her2-fingerprint") == identifier(result, "her2-fingerprint");
        holds(
            is_about && is_of_it,
            "the Task to sign is not about the version that stands".to_owned(),
        );
    }
    let questions = after.open("review", false).len();
    // Where one of two results has gone, the guideline may ask for it.
    let may_ask = scene.has_two_results() && questions > 0;
    holds(
        (questions > 0) == promise.asks || may_ask,
        format!("{questions} open questions"),
    );

    // Who is told.
    let [told_before, told] = [before, after].map(|it| it.open("final-changed", false).len());
    holds(
        told == told_before + usize::from(promise.announced),
        format!("{told_before} announcements before, {told} after"),
    );

    // Where each version comes from.
    let fresh: Vec<&Value> = (after.provenances.iter())
        .filter(|it| {
            !before
                .provenances
                .iter()
                .any(|known| known["id"] == it["id"])
        })
        .collect();
    let of_version = |activity: &str| {
        fresh
            .iter()
            .filter(|it| codes(&it["activity"]).contains(&activity))
            .count()
    };
    let [created, updated, nullified] = ["CREATE", "UPDATE", "NULLIFY"].map(of_version);
    let expected = match promise.version {
        None => [0, 0, 0],
        Some("entered-in-error") => [0, 0, 1],
        Some(_) if promise.is_first => [1, 0, 0],
        Some(_) => [0, 1, 0],
    };
    holds(
        [created, updated, nullified] == expected,
        format!(
            "Provenances of a new version: {created} first, {updated} further, {nullified} last"
        ),
    );
    if let (Some(replaced), Some(_)) = (earlier.last(), promise.version) {
        let named = format!(
            "Observation/{}/_history/{}",
            text(&replaced["id"]),
            text(&replaced["meta"]["versionId"])
        );
        let names_it = |provenance: &&&Value| {
            let entities = provenance["entity"].as_array().into_iter().flatten();
            entities.clone().any(|entity| {
                entity["role"] == "revision" && text(&entity["what"]["reference"]).ends_with(&named)
            })
        };
        let names = fresh.iter().filter(names_it).count();
        holds(
            names == 1,
            format!("{names} Provenances name the version that is replaced"),
        );
    }

    // The other case.
    let others = after.elsewhere.len();
    holds(
        others == usize::from(promise.other_begins),
        format!("{others} results of the other case"),
    );
    for versions in &after.elsewhere {
        let statuses: Vec<&str> = versions.iter().map(|it| text(&it["status"])).collect();
        let to_sign = after.open("sign-off", true).len();
        holds(
            statuses == ["preliminary"] && to_sign == 1,
            format!("the other case: {statuses:?} and {to_sign} Tasks to sign"),
        );
    }
    wrong
}

/// What is to be said against what stands by the contract, whatever the table says: a result stands where there is evidence
/// and says that, and how it changes follows from how far it had come (sections 2 and 5).
pub fn by_contract(scene: &Scene, before: &Standing, after: &Standing) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut holds = |is_so: bool, what: &str| {
        if !is_so {
            wrong.push(format!("against the contract: {what}"));
        }
    };
    let status_of = |it: &Standing| it.result().map(|result| text(&result["status"]).to_owned());
    let [stood, stands] = [before, after].map(status_of);
    let is_in_force = stands
        .as_ref()
        .is_some_and(|status| status != "entered-in-error");
    let was_in_force = stood
        .as_ref()
        .is_some_and(|status| status != "entered-in-error");
    let says = after.result().and_then(score);
    match scene.evidence {
        Evidence::Counts => holds(
            is_in_force && says == Some(scene.answers[1]),
            "its evidence counts, and the result does not say it",
        ),
        Evidence::None => holds(!is_in_force, "a result stands without evidence"),
        Evidence::Missing => holds(
            is_in_force == was_in_force && !after.open("review", false).is_empty(),
            "what cannot be found is no question",
        ),
    }
    let was_final = matches!(stood.as_deref(), Some("final" | "amended" | "corrected"));
    let is_written = after.versions.len() > before.versions.len();
    let written = stands.as_deref().filter(|_| is_written);
    let changes = match (stood.as_deref(), scene.evidence) {
        (None, Evidence::Counts) => Some("preliminary"),
        (Some("entered-in-error"), Evidence::Counts) => Some("preliminary"),
        (None | Some("entered-in-error"), Evidence::None | Evidence::Missing) => None,
        (Some(_), Evidence::None) => Some("entered-in-error"),
        (Some(_), Evidence::Missing) => Some("amended"),
        (Some(_), Evidence::Counts) => {
            let [said, says] = scene.answers;
            let says_otherwise = said != says || scene.has_two_results();
            match (says_otherwise, was_final) {
                (false, _) => None,
                (true, false) => Some("preliminary"),
                (true, true) if scene.corrects => Some("corrected"),
                (true, true) => Some("amended"),
            }
        }
    };
    holds(
        written == changes,
        &format!("{written:?} is written, not {changes:?}"),
    );
    let [told_before, told] = [before, after].map(|it| it.open("final-changed", false).len());
    holds(
        told == told_before + usize::from(was_final && changes.is_some()),
        "a change of a final result is announced, and no other",
    );
    wrong
}

fn is_at(result: &Value, place: &Place) -> bool {
    let refers_to = |element: &str, key: &str| {
        let reference = text(&result[element]["reference"]);
        reference == key || reference.ends_with(&format!("/{key}"))
    };
    refers_to("subject", &place.patient) && refers_to("specimen", &place.specimen)
}

/// The IHC answer that a result states in a component.
fn score(result: &Value) -> Option<&str> {
    let mut components = result["component"].as_array()?.iter();
    let component = components.find(|it| codes(&it["code"]).contains(&IHC_SCORE))?;
    codes(&component["valueCodeableConcept"]).first().copied()
}

fn codes(concept: &Value) -> Vec<&str> {
    let codings = concept["coding"].as_array().into_iter().flatten();
    codings.map(|coding| text(&coding["code"])).collect()
}

fn identifier<'r>(resource: &'r Value, name: &str) -> Option<&'r str> {
    let mut identifiers = resource["identifier"].as_array()?.iter();
    let identifier = identifiers
        .find(|identifier| text(&identifier["system"]).ends_with(&format!("/identifier/{name}")))?;
    identifier["value"].as_str()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
