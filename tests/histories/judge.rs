//! What must hold when a history has come to rest, told from what the server has kept.

use std::collections::{BTreeMap, BTreeSet};

use her2_adapter::fhir::json::Json;
use her2_adapter::fhir::pool::Pool;
use her2_adapter::her2::decision::Status;
use her2_adapter::pipeline::results::{Composer, Prior};
use her2_adapter::pipeline::{CaseResult, derive};
use her2_adapter::service::fake_server::FakeServer;
use serde_json::Value;

use crate::world::World;
use crate::writer::Parts;

/// One version of one of our results.
struct Version {
    fingerprint: String,
    content: Option<String>,
    text: String,
    /// The version id.
    version: String,
    is_rejected: bool,
    is_unresolved: bool,
    status: String,
    /// An instant, in a form that sorts by time.
    written_at: String,
}

/// One of our results: a resource with the identifier of a case.
struct Kept {
    id: String,
    case: String,
    patient: String,
    /// Oldest first.
    versions: Vec<Version>,
}

impl Kept {
    fn current(&self) -> &Version {
        self.versions.last().unwrap()
    }

    fn is_live(&self) -> bool {
        self.current().status != "entered-in-error"
    }
}

/// Says what is wrong, if anything is; on a server that fences no write, only what is wrong at the end.
pub fn judge(world: &World, parts: &Parts, fences: bool) -> Result<(), String> {
    let server = &world.server;
    let base = &parts.rules.base;
    let results = results(server, base);
    let tasks = tasks(server, base);
    let texts = source_texts(server);
    let pool = pool_of(&texts);
    let expected = derive(&pool, &parts.rules);

    let mut due = BTreeSet::new();
    for case in &expected.cases {
        due.insert(case.id.as_str());
        let live: Vec<&Kept> = (results.iter())
            .filter(|kept| kept.case == case.id && kept.is_live())
            .collect();
        let standing = match live.as_slice() {
            [] if case.decision.status == Status::Insufficient => None,
            [one] if one.current().content == content_of(case, &pool, parts) => {
                // Where two created at once, the Provenance may tell of the copy that was marked.
                let of_case = results.iter().filter(|kept| kept.case == case.id);
                if !of_case
                    .into_iter()
                    .any(|kept| has_provenance(server, kept, case))
                {
                    return Err("no Provenance tells of the inputs of a result".to_owned());
                }
                Some(*one)
            }
            [_] => return Err("the result does not rest on the newest inputs".to_owned()),
            [] => return Err("an eligible case has no live result".to_owned()),
            [_, _, ..] => return Err("a case has two live results".to_owned()),
        };
        asks_what_is_to_be_asked(case, standing, &pool, &tasks, parts, &world.now())?;
    }
    let have_lost: BTreeSet<String> = (world.sources.iter().enumerate())
        .filter(|(_, sources)| sources.has_lost)
        .flat_map(|(patient, _)| ["p", "q"].map(|record| format!("Patient/{record}{patient}")))
        .collect();
    for kept in &results {
        if kept.is_live() && !due.contains(kept.case.as_str()) {
            return Err("a result is live that nothing makes any more".to_owned());
        }
        if fences {
            has_never_gone_backwards(kept, server, &tasks, have_lost.contains(&kept.patient))?;
            is_final_by_signature_alone(kept, &tasks)?;
        }
    }
    for task in tasks.iter().filter(|task| task.is_open) {
        if !due.contains(task.case.as_str()) && task.reason != "final-changed" {
            return Err(format!(
                "a Task is open for a case that is gone: {}",
                task.reason
            ));
        }
    }
    let open: Vec<&str> = (tasks.iter().filter(|task| task.is_open))
        .map(|task| task.identity.as_str())
        .collect();
    if open.iter().collect::<BTreeSet<_>>().len() != open.len() {
        return Err("the same question is open twice".to_owned());
    }
    Ok(())
}

/// Whether every question about a case has its Task, open or answered by a person, and no other Task of it is open.
fn asks_what_is_to_be_asked(
    case: &CaseResult,
    standing: Option<&Kept>,
    pool: &Pool<'_>,
    tasks: &[Task],
    parts: &Parts,
    now: &str,
) -> Result<(), String> {
    let (rules, publishing) = (&parts.rules, &parts.publishing);
    let prior = standing.map(|kept| {
        let current = kept.current();
        let json = Json::parse(&current.text).unwrap();
        Prior::read(&json, &current.version, &rules.base, &publishing.codes)
    });
    let composer = Composer::new(case, pool, rules, publishing, now);
    let wanted = composer.compose(prior.as_ref()).unwrap();
    let of_case = || tasks.iter().filter(|task| task.case == case.id);
    for asked in &wanted.tasks {
        if !of_case().any(|task| task.identity == asked.id && !task.is_closed_by_us) {
            return Err("a question has no Task".to_owned());
        }
    }
    let is_wanted = |task: &Task| {
        wanted.tasks.iter().any(|asked| asked.id == task.identity) || task.reason == "final-changed"
    };
    if let Some(task) = of_case().find(|task| task.is_open && !is_wanted(task)) {
        return Err(format!(
            "a Task is open for a question that is gone: {}",
            task.reason
        ));
    }
    let Some(current) = standing.map(Kept::current) else {
        return Ok(());
    };
    let open = of_case()
        .filter(|task| task.is_open && task.reason == "sign-off")
        .count();
    let has_questions = of_case()
        .any(|task| task.is_open && !matches!(task.reason.as_str(), "sign-off" | "final-changed"));
    // What an earlier question was answered with is no answer to this one.
    let is_signed = of_case().any(|task| {
        wanted.sign_off.as_ref() == Some(&task.identity)
            && (task.signed.iter())
                .any(|said| said.decision == "accept" && said.version == current.version)
    });
    let waits = is_signed && has_questions;
    let is_unresolved = case.decision.status == Status::Insufficient;
    let expected = match current.status.as_str() {
        "final" => 0,
        _ if current.is_rejected || waits || is_unresolved => 0,
        _ => 1,
    };
    if open != expected {
        return Err(format!(
            "{open} open sign-off Tasks for a result that is {}, where there should be {expected}",
            current.status
        ));
    }
    // A test that turns out to be overdue or cancelled is asked about after a signature, too.
    let is_of_the_status = |task: &Task| {
        let reason = task.reason.as_str();
        task.is_open && reason != "final-changed" && !reason.starts_with("reflex-")
    };
    if current.status == "final" && of_case().any(is_of_the_status) {
        return Err("a result is final while a question about it is open".to_owned());
    }
    if current.status != "final" && is_signed && !has_questions {
        return Err("a signature of the version that stands was not taken".to_owned());
    }
    Ok(())
}

/// Whether each final version follows the version that a person has accepted, and says the same; and each rejected one the
/// version that a person has rejected.
fn is_final_by_signature_alone(kept: &Kept, tasks: &[Task]) -> Result<(), String> {
    let mut before: Option<&Version> = None;
    for version in &kept.versions {
        let was = |of: fn(&Version) -> bool| before.is_some_and(of);
        let becomes_final = version.status == "final" && !was(|it| it.status == "final");
        let becomes_rejected = version.is_rejected && !was(|it| it.is_rejected);
        let decision = match (becomes_final, becomes_rejected) {
            (true, _) => "accept",
            (false, true) => "reject",
            (false, false) => {
                before = Some(version);
                continue;
            }
        };
        let Some(reviewed) = before else {
            return Err(format!("a first version has the answer {decision}"));
        };
        let is_answered = tasks.iter().any(|task| {
            task.case == kept.case
                && (task.signed.iter())
                    .any(|said| said.decision == decision && said.version == reviewed.version)
        });
        if !is_answered {
            return Err(format!(
                "nobody has said {decision} of exactly the version before it"
            ));
        }
        if version.content != reviewed.content {
            return Err(
                "a version with a signature says something else than was signed".to_owned(),
            );
        }
        before = Some(version);
    }
    Ok(())
}

/// Whether each result that a pass says it has written rests on what stood when it was written. To be asked at the end of
/// a pass beside which no other was under way: what changed before the write, it has to have noticed.
pub fn left_nothing_stale(
    server: &FakeServer,
    parts: &Parts,
    written: &BTreeSet<String>,
) -> Result<(), String> {
    let base = &parts.rules.base;
    let tasks = tasks(server, base);
    for kept in results(server, base) {
        if !written.contains(&kept.case) || !kept.is_live() {
            continue;
        }
        let current = kept.current();
        for (source, place) in inputs(&current.fingerprint, server, &tasks) {
            let (kind, id) = source.split_once('/').unwrap_or_default();
            let newer = server.history(kind, id).into_iter().skip(place + 1);
            let before = |text: String| written_at(&parsed(&text)) < current.written_at;
            if newer.into_iter().any(before) {
                return Err(format!(
                    "a pass ends with a result of an older version of {source} than stood when it wrote"
                ));
            }
        }
    }
    Ok(())
}

/// Whether each result that a pass says it has written waits for a signature. To be asked as before, of a server that takes
/// all of a transaction or nothing.
pub fn left_nobody_unasked(
    server: &FakeServer,
    parts: &Parts,
    written: &BTreeSet<String>,
) -> Result<(), String> {
    let base = &parts.rules.base;
    let tasks = tasks(server, base);
    let is_unasked = |kept: &Kept| {
        let current = kept.current();
        let is_settled = current.is_rejected || current.is_unresolved || current.status == "final";
        kept.is_live() && !is_settled && !waits_for_or_has_an_answer(kept, &tasks)
    };
    let results = results(server, base);
    match (results.iter()).any(|kept| written.contains(&kept.case) && is_unasked(kept)) {
        true => Err("a pass ends with a result that nobody is asked to sign".to_owned()),
        false => Ok(()),
    }
}

/// Whether somebody is asked to sign a result, or has said something since it was written.
fn waits_for_or_has_an_answer(kept: &Kept, tasks: &[Task]) -> bool {
    let since = &kept.current().written_at;
    tasks
        .iter()
        .filter(|task| task.case == kept.case && task.reason == "sign-off")
        .any(|task| task.is_open || (!task.is_closed_by_us && task.written_at > *since))
}

fn written_at(resource: &Value) -> String {
    string(&resource["meta"]["lastUpdated"])
}

/// Whether a Provenance of a result names exactly the inputs of a case.
fn has_provenance(server: &FakeServer, kept: &Kept, case: &CaseResult) -> bool {
    let target = format!("Observation/{}", kept.id);
    let inputs: BTreeSet<String> = (case.inputs.iter())
        .map(|input| {
            let version = input.version.as_deref().unwrap_or_default();
            format!("{}/_history/{version}", input.reference)
        })
        .collect();
    server.all("Provenance").iter().any(|text| {
        let provenance = parsed(text);
        let entities = provenance["entity"].as_array();
        let named: BTreeSet<String> = (entities.into_iter().flatten())
            .filter(|entity| entity["role"] == "source")
            .map(|entity| string(&entity["what"]["reference"]))
            .collect();
        let about = string(&provenance["target"][0]["reference"]);
        about.split("/_history/").next() == Some(target.as_str()) && named == inputs
    })
}

/// The same evidence never makes a second version, unless a source was deleted in between, and newer inputs are never
/// followed by older ones.
fn has_never_gone_backwards(
    kept: &Kept,
    server: &FakeServer,
    tasks: &[Task],
    has_lost: bool,
) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut before: Option<&Version> = None;
    for version in &kept.versions {
        if version.status == "entered-in-error" {
            before = None;
            continue;
        }
        let follows = before.is_some_and(|before| before.content == version.content);
        // A person's answer makes a version of what stands.
        let is_answer = follows
            && before.is_some_and(|before| {
                (version.status == "final" || version.is_rejected)
                    && !(before.status == "final" || before.is_rejected)
            });
        before = Some(version);
        if is_answer {
            continue;
        }
        let has_come_back = !has_lost && seen.contains(&version.fingerprint.as_str());
        if follows || has_come_back {
            return Err("the same evidence made a second version".to_owned());
        }
        seen.push(&version.fingerprint);
    }
    let live = (kept.versions.iter()).filter(|version| version.status != "entered-in-error");
    let mut newest: BTreeMap<String, usize> = BTreeMap::new();
    for version in live {
        for (source, place) in inputs(&version.fingerprint, server, tasks) {
            if newest.get(&source).is_some_and(|newest| place < *newest) {
                return Err(format!(
                    "a version from version {place} of {source} follows one from a later version"
                ));
            }
            newest.insert(source, place);
        }
    }
    Ok(())
}

/// The inputs of a fingerprint, each with the place of its version in the history of the source, as the record in a Task
/// of the same fingerprint tells.
fn inputs(fingerprint: &str, server: &FakeServer, tasks: &[Task]) -> Vec<(String, usize)> {
    let told = tasks
        .iter()
        .find_map(|task| task.evidence.get(fingerprint).cloned());
    let evidence = told.unwrap_or_default();
    let place = |(source, version): (String, String)| {
        let (kind, id) = source.split_once('/')?;
        let versions = server.history(kind, id);
        let place = versions
            .iter()
            .position(|text| parsed(text)["meta"]["versionId"] == version.as_str())?;
        Some((source, place))
    };
    evidence.into_iter().filter_map(place).collect()
}

/// A Task of ours.
struct Task {
    identity: String,
    case: String,
    reason: String,
    is_open: bool,
    is_closed_by_us: bool,
    /// As of a result.
    written_at: String,
    /// What was answered by its versions.
    signed: Vec<Said>,
    /// What its versions say of the evidence, source and version, by fingerprint.
    evidence: BTreeMap<String, Vec<(String, String)>>,
}

/// An answer of a person.
struct Said {
    decision: String,
    version: String,
}

fn said(task: &Value) -> Option<Said> {
    let output = |name: &str| {
        let outputs = task["output"].as_array()?;
        let output = outputs
            .iter()
            .find(|output| output["type"]["text"] == name)?;
        let value = [&output["valueCode"], &output["valueString"]];
        value.into_iter().find_map(Value::as_str).map(str::to_owned)
    };
    (task["status"] == "completed").then_some(())?;
    Some(Said {
        decision: output("decision")?,
        version: output("version")?,
    })
}

fn tasks(server: &FakeServer, base: &str) -> Vec<Task> {
    let mut tasks = Vec::new();
    for text in server.all("Task") {
        let task = parsed(&text);
        let of = |system: &str| identifier(&task, base, system).unwrap_or_default();
        let mut evidence = BTreeMap::new();
        let mut signed = Vec::new();
        for version in server.history("Task", task["id"].as_str().unwrap_or_default()) {
            let version = parsed(&version);
            signed.extend(said(&version));
            let record = version["input"][0]["valueString"].as_str().map(parsed);
            if let Some(fingerprint) = identifier(&version, base, "her2-fingerprint")
                && let Some(record) = record
            {
                evidence.insert(fingerprint, evidence_of(&record));
            }
        }
        tasks.push(Task {
            identity: of("her2-task"),
            case: of("her2-case"),
            reason: string(&task["reasonCode"]["coding"][0]["code"]),
            is_open: task["status"] == "requested",
            is_closed_by_us: task["status"] == "cancelled",
            written_at: written_at(&task),
            signed,
            evidence,
        });
    }
    tasks
}

fn evidence_of(record: &Value) -> Vec<(String, String)> {
    let evidence = &record["evidence"];
    let findings = ["ihc", "ish"].into_iter().flat_map(|kind| {
        let of_kind = evidence[kind].as_array();
        of_kind.into_iter().flatten()
    });
    findings
        .map(|finding| (string(&finding["source"]), string(&finding["version"])))
        .collect()
}

fn results(server: &FakeServer, base: &str) -> Vec<Kept> {
    let mut results = Vec::new();
    for text in server.all("Observation") {
        let result = parsed(&text);
        let Some(case) = identifier(&result, base, "her2-status") else {
            continue;
        };
        let versions = server.history("Observation", result["id"].as_str().unwrap_or_default());
        let version = |text: &String| {
            let version = parsed(text);
            Version {
                fingerprint: identifier(&version, base, "her2-fingerprint").unwrap_or_default(),
                content: identifier(&version, base, "her2-content"),
                text: text.clone(),
                version: string(&version["meta"]["versionId"]),
                is_rejected: Prior::is_rejected(&Json::parse(text).unwrap()),
                is_unresolved: version["valueCodeableConcept"]["coding"][0]["code"]
                    == "insufficient",
                status: string(&version["status"]),
                written_at: written_at(&version),
            }
        };
        results.push(Kept {
            id: string(&result["id"]),
            case,
            patient: string(&result["subject"]["reference"]),
            versions: versions.iter().map(version).collect(),
        });
    }
    results
}

/// The texts of everything that the laboratory has sent and that stands.
fn source_texts(server: &FakeServer) -> Vec<String> {
    let mut texts = Vec::new();
    for kind in [
        "Patient",
        "Specimen",
        "DiagnosticReport",
        "Observation",
        "ServiceRequest",
    ] {
        texts.extend(server.all(kind));
    }
    // Our own results begin with a contained device, and nothing of the laboratory does.
    texts.retain(|text| !text.contains("\"contained\""));
    texts
}

fn pool_of(texts: &[String]) -> Pool<'_> {
    let mut pool = Pool::new(Some("http://localhost/fhir"));
    for text in texts {
        pool.add(Json::parse(text).unwrap(), None, "the server")
            .unwrap();
    }
    pool
}

/// What a first version of a case would say, as it carries it.
fn content_of(case: &CaseResult, pool: &Pool<'_>, parts: &Parts) -> Option<String> {
    let now = "2027-01-01T00:00:00Z";
    let composer = Composer::new(case, pool, &parts.rules, &parts.publishing, now);
    let result = parsed(composer.compose(None).unwrap().observation?.text);
    identifier(&result, &parts.rules.base, "her2-content")
}

fn identifier(resource: &Value, base: &str, system: &str) -> Option<String> {
    let system = format!("{base}/identifier/{system}");
    let identifiers = resource["identifier"].as_array()?;
    let found = identifiers
        .iter()
        .find(|identifier| identifier["system"] == system.as_str())?;
    Some(string(&found["value"]))
}

fn parsed(text: impl AsRef<str>) -> Value {
    serde_json::from_str(text.as_ref()).unwrap()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
